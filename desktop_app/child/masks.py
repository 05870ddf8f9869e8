"""Brush masks as files: PNG for pictures, NRRD for volumes (facts: annotation-format, brush).

Arrays are numpy's, or nested lists. numpy is used where the script's interpreter has it; it is never needed.
"""

from __future__ import annotations

import gzip
import struct
import sys
import zlib
from typing import Any, List, Tuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class MaskError(Exception):
    """The array or file is no mask."""


class Picture:
    """A mask of a picture: RGBA, row by row."""

    def __init__(self, width: int, height: int, rgba: bytes) -> None:
        self.width = width
        self.height = height
        self.rgba = rgba


def picture(array: Any) -> Picture:
    """The mask of a 2-D array (painted white where > 0), or of an (H, W, 3) or (H, W, 4) array.

    Black is transparent in RGB arrays; RGBA is taken as it is.

    Raises:
        MaskError: another shape.
    """
    numpy = _numpy()
    if numpy is not None:
        return _picture_numpy(numpy, array)
    rows = _lists(array)
    depth = _depth(rows)
    if depth not in (2, 3) or not rows or not rows[0]:
        raise MaskError("a mask has shape (H, W), (H, W, 3) or (H, W, 4), not %d dimensions" % depth)
    width = len(rows[0])
    out = bytearray()
    for row in rows:
        if len(row) != width:
            raise MaskError("the rows of a mask differ in length")
        for pixel in row:
            if depth == 2:
                out += b"\xff\xff\xff\xff" if pixel > 0 else b"\x00\x00\x00\x00"
            elif len(pixel) == 3:
                red, green, blue = (int(channel) & 255 for channel in pixel)
                out += bytes((red, green, blue, 255 if red or green or blue else 0))
            elif len(pixel) == 4:
                out += bytes(int(channel) & 255 for channel in pixel)
            else:
                raise MaskError("a mask has 3 or 4 channels, not %d" % len(pixel))
    return Picture(width, len(rows), bytes(out))


def over(new: Picture, old: Picture) -> Picture:
    """The new mask painted over the old one.

    Raises:
        MaskError: they differ in size.
    """
    if (new.width, new.height) != (old.width, old.height):
        sizes = (old.width, old.height, new.width, new.height)
        raise MaskError("the task's mask is %d x %d pixels and the new one %d x %d" % sizes)
    out = bytearray(old.rgba)
    numpy = _numpy()
    if numpy is not None:
        fresh = numpy.frombuffer(new.rgba, numpy.uint8).reshape(-1, 4)
        below = numpy.frombuffer(old.rgba, numpy.uint8).reshape(-1, 4)
        return Picture(new.width, new.height, numpy.where(fresh[:, 3:] > 0, fresh, below).tobytes())
    for start in range(0, len(out), 4):
        if new.rgba[start + 3]:
            out[start : start + 4] = new.rgba[start : start + 4]
    return Picture(new.width, new.height, bytes(out))


def write_png(mask: Picture) -> bytes:
    """The mask as a PNG file (8 bit RGBA)."""
    stride = mask.width * 4
    raw = b"".join(b"\x00" + mask.rgba[start : start + stride] for start in range(0, len(mask.rgba), stride))
    header = struct.pack(">IIBBBBB", mask.width, mask.height, 8, 6, 0, 0, 0)
    return PNG_SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(raw, 6)) + _chunk(b"IEND", b"")


def read_png(data: bytes) -> Picture:
    """A PNG file as a mask: 8 bit grey, grey with alpha, palette, RGB or RGBA, not interlaced.

    Raises:
        MaskError: no PNG, damaged, or of another kind.
    """
    try:
        return _read_png(data)
    except (struct.error, zlib.error, IndexError, ValueError) as error:
        raise MaskError("the task's mask cannot be read: %s" % error) from None


def volume(array: Any) -> Tuple[Tuple[int, int, int], bytes]:
    """A volume's size (x, y, z) and its voxels as bytes, x running fastest.

    Raises:
        MaskError: not three-dimensional.
    """
    numpy = _numpy()
    if numpy is not None:
        values = numpy.asarray(array)
        if values.ndim != 3:
            raise MaskError("a volume has 3 dimensions, not %d" % values.ndim)
        depth, height, width = values.shape
        return (width, height, depth), values.astype(numpy.uint8).tobytes()
    planes = _lists(array)
    if _depth(planes) != 3:
        raise MaskError("a volume has 3 dimensions, not %d" % _depth(planes))
    size = (len(planes[0][0]), len(planes[0]), len(planes))
    return size, bytes(int(voxel) & 255 for plane in planes for row in plane for voxel in row)


def write_nrrd(size: Tuple[int, int, int], voxels: bytes) -> bytes:
    """The volume as an NRRD file."""
    lines = ("NRRD0005", "type: uint8", "encoding: gzip", "dimension: 3", "sizes: %d %d %d" % size)
    return ("\n".join(lines) + "\n\n").encode("ascii") + gzip.compress(voxels)


def merge_nrrd(existing: bytes, size: Tuple[int, int, int], voxels: bytes) -> bytes:
    """The existing file with every voxel replaced that is not 0 in the new volume; its header is kept.

    Raises:
        MaskError: the existing file is of another size or kind.
    """
    header, ending, body = _split_nrrd(existing)
    fields = {}
    for line in header.decode("utf-8", "replace").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    sizes = tuple(int(word) for word in fields.get("sizes", "").split() if word.isdigit())
    encoding = fields.get("encoding", "gzip").lower()
    if fields.get("dimension", "3") != "3" or sizes != size:
        raise MaskError("the task's volume has size %s and the new one %s" % (sizes, size))
    if encoding not in ("gzip", "gz", "raw"):
        raise MaskError("the task's volume has encoding %s" % encoding)
    try:
        old = body if encoding == "raw" else gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise MaskError("the task's volume cannot be read: %s" % error) from None
    if len(old) < len(voxels):
        raise MaskError("the task's volume is cut short")
    numpy = _numpy()
    if numpy is not None:
        fresh = numpy.frombuffer(voxels, numpy.uint8)
        merged = numpy.where(fresh != 0, fresh, numpy.frombuffer(old, numpy.uint8, len(voxels))).tobytes()
    else:
        merged = bytes(new or before for new, before in zip(voxels, old))
    return header + ending + (merged if encoding == "raw" else gzip.compress(merged))


def _picture_numpy(numpy: Any, array: Any) -> Picture:
    values = numpy.asarray(array)
    if values.ndim == 2:
        painted = values > 0
        rgba = numpy.repeat((painted * 255).astype(numpy.uint8)[..., None], 4, axis=2)
    elif values.ndim == 3 and values.shape[2] == 3:
        rgb = values.astype(numpy.uint8)
        alpha = numpy.where(rgb.any(axis=2), 255, 0).astype(numpy.uint8)
        rgba = numpy.concatenate([rgb, alpha[..., None]], axis=2)
    elif values.ndim == 3 and values.shape[2] == 4:
        rgba = values.astype(numpy.uint8)
    else:
        raise MaskError("a mask has shape (H, W), (H, W, 3) or (H, W, 4), not %s" % (values.shape,))
    return Picture(int(values.shape[1]), int(values.shape[0]), rgba.tobytes())


def _read_png(data: bytes) -> Picture:
    if not data.startswith(PNG_SIGNATURE):
        raise ValueError("it is no PNG file")
    position = len(PNG_SIGNATURE)
    header, palette, alpha, packed = b"", b"", b"", []
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        chunk = data[position + 8 : position + 8 + length]
        position += 12 + length
        if kind == b"IHDR":
            header = chunk
        elif kind == b"PLTE":
            palette = chunk
        elif kind == b"tRNS":
            alpha = chunk
        elif kind == b"IDAT":
            packed.append(chunk)
        elif kind == b"IEND":
            break
    width, height, bits, color, _, _, interlace = struct.unpack(">IIBBBBB", header)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(color)
    if bits != 8 or interlace or channels is None:
        raise ValueError("it is a PNG of a kind that masks are not")
    raw = _unfilter(zlib.decompress(b"".join(packed)), width * channels, height, channels)
    return Picture(width, height, _to_rgba(raw, color, palette, alpha))


def _unfilter(raw: bytes, stride: int, height: int, step: int) -> bytes:
    out = bytearray()
    above = bytearray(stride)
    for row in range(height):
        start = row * (stride + 1)
        kind = raw[start]
        line = bytearray(raw[start + 1 : start + 1 + stride])
        if len(line) != stride:
            raise ValueError("it is cut short")
        if kind == 1:
            for i in range(step, stride):
                line[i] = (line[i] + line[i - step]) & 255
        elif kind == 2:
            for i in range(stride):
                line[i] = (line[i] + above[i]) & 255
        elif kind == 3:
            for i in range(stride):
                left = line[i - step] if i >= step else 0
                line[i] = (line[i] + (left + above[i]) // 2) & 255
        elif kind == 4:
            for i in range(stride):
                left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
                line[i] = (line[i] + _paeth(left, above[i], corner)) & 255
        elif kind:
            raise ValueError("it has an unknown filter")
        out += line
        above = line
    return bytes(out)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    to_left, to_up, to_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def _to_rgba(raw: bytes, color: int, palette: bytes, alpha: bytes) -> bytes:
    if color == 6:
        return raw
    out = bytearray()
    if color == 3:
        for index in raw:
            entry = palette[3 * index : 3 * index + 3]
            out += entry + bytes((alpha[index] if index < len(alpha) else 255,))
    elif color == 2:
        for i in range(0, len(raw), 3):
            out += raw[i : i + 3] + b"\xff"
    elif color == 4:
        for i in range(0, len(raw), 2):
            out += bytes((raw[i],) * 3 + (raw[i + 1],))
    else:
        for grey in raw:
            out += bytes((grey, grey, grey, 255))
    return bytes(out)


def _split_nrrd(data: bytes) -> Tuple[bytes, bytes, bytes]:
    if not data.startswith(b"NRRD"):
        raise MaskError("the task's volume is no NRRD file")
    for ending in (b"\n\n", b"\r\n\r\n"):
        header, found, body = data.partition(ending)
        if found:
            return header, ending, body
    raise MaskError("the task's volume has no end of its header")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _numpy() -> Any:
    """numpy where the script has loaded it; we do not load it ourselves, for that takes time and memory."""
    return sys.modules.get("numpy")


def _lists(array: Any) -> List[Any]:
    tolist = getattr(array, "tolist", None)
    values = tolist() if callable(tolist) else array
    if not isinstance(values, (list, tuple)):
        raise MaskError("a mask is an array or nested lists")
    return list(values)


def _depth(values: Any) -> int:
    depth = 0
    while isinstance(values, (list, tuple)):
        depth += 1
        if not values:
            return depth
        values = values[0]
    return depth
