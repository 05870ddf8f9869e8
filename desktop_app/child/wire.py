"""Frames on the pipes between the host and a worker.

A frame is `uint32 JSON length, uint32 blob length` (little endian), then the JSON object in UTF-8, then the blob. The
blob is for bytes that would be wasteful as JSON (masks); most frames have none.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Dict, Tuple

HEADER = struct.Struct("<II")
MAX_JSON = 64 * 1024 * 1024
"""As objects it takes ten times as much, and the host reads it beside everything else that it does."""
MAX_BLOB = 1024 * 1024 * 1024

Frame = Dict[str, Any]


class WireError(Exception):
    """What came is no frame, or what should go does not fit into one."""


def check_header(header: bytes, max_blob: int = MAX_BLOB) -> Tuple[int, int]:
    """The lengths of JSON and blob.

    Args:
        max_blob: the longest blob that the reader has a use for.

    Raises:
        WireError: longer than any frame may be; the stream is not ours or has lost its step.
    """
    json_length, blob_length = HEADER.unpack(header)
    if json_length > MAX_JSON or blob_length > max_blob:
        raise WireError("a frame of %d and %d bytes is longer than allowed" % (json_length, blob_length))
    return json_length, blob_length


def decode(payload: bytes) -> Frame:
    """The object of a frame.

    Raises:
        WireError: not a JSON object.
    """
    try:
        frame = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise WireError("a frame is not JSON: %s" % error) from error
    if not isinstance(frame, dict):
        raise WireError("a frame is not a JSON object")
    return frame


def encode(frame: Frame, blob_length: int = 0) -> bytes:
    """Header and JSON of a frame; the blob goes right after.

    Raises:
        WireError: too long, or it holds what JSON cannot (bytes, objects, cycles).
    """
    try:
        # ASCII, so that a lone surrogate in a user's text cannot break the encoding. NaN passes: both ends are Python.
        payload = json.dumps(frame, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError("a frame cannot be written as JSON: %s" % error) from error
    if len(payload) > MAX_JSON or blob_length > MAX_BLOB:
        raise WireError("a frame of %d and %d bytes is longer than allowed" % (len(payload), blob_length))
    return HEADER.pack(len(payload), blob_length) + payload


def read_frame(stream: BinaryIO) -> Tuple[Frame, bytes]:
    """Waits for the next frame of a blocking stream.

    Raises:
        EOFError: the stream ended, also in the middle of a frame.
        WireError: what came is no frame.
    """
    json_length, blob_length = check_header(_exactly(stream, HEADER.size))
    payload = _exactly(stream, json_length)
    blob = _exactly(stream, blob_length)
    return decode(payload), blob


def write_frame(stream: BinaryIO, frame: Frame, blob: bytes = b"") -> None:
    """Writes one frame to a buffered stream and flushes it.

    Raises:
        WireError: see encode; nothing was written then.
        OSError: the other end is gone.
    """
    stream.write(encode(frame, len(blob)))
    if blob:
        stream.write(blob)
    stream.flush()


def _exactly(stream: BinaryIO, size: int) -> bytes:
    if not size:
        return b""
    data = stream.read(size)
    if data is None or len(data) < size:
        raise EOFError
    return data
