"""The Open Inference Protocol's bodies: tensors as bytes after the JSON (its binary extension), or in the JSON itself.

With the extension a body is a JSON object, whose length the header `Inference-Header-Content-Length` tells, followed by
the tensors' bytes, little-endian and in rows, in the order of the JSON; `parameters.binary_data_size` of a tensor
is its number of bytes (KServe, docs: "Binary Tensor Data Extension").
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from desktop_app.core.errors import ModelError
from desktop_app.core.notes import quoted
from desktop_app.worker.onnx.graph import TensorFact
from desktop_app.worker.onnx.spec import Array

HEADER_LENGTH = "Inference-Header-Content-Length"
_BY_DATATYPE: Mapping[str, str] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
}
"""Element types by the protocol's names. BF16 has no NumPy type and is read apart; BYTES holds texts, no numbers."""
_BY_DTYPE = {dtype: datatype for datatype, dtype in _BY_DATATYPE.items()}
_FEW_VALUES = 4096
"""A picture has 256 values a channel; so few are written as texts once each."""
_MOST_ELEMENTS = 1 << 28

Body = tuple[dict[str, str], bytes]


class NotTheProtocol(ModelError):
    """What came back is no answer of this protocol."""


def encode(feeds: Mapping[str, Array], outputs: tuple[str, ...], *, binary: bool) -> Body:
    """Headers and body of an infer call.

    Args:
        feeds: inputs by name.
        outputs: names of all outputs that are wanted.
        binary: whether tensors travel as bytes, both ways.
    """
    asked = [{"name": name, **({"parameters": {"binary_data": True}} if binary else {})} for name in outputs]
    heads: list[dict[str, Any]] = [
        {"name": name, "shape": list(value.shape), "datatype": _datatype(value)} for name, value in feeds.items()
    ]
    if not binary:
        # Put together by hand: a JSON library needs a second for the million numbers of a picture.
        inputs = [
            json.dumps(head)[:-1] + ', "data": ' + _json_numbers(value) + "}"
            for head, value in zip(heads, feeds.values(), strict=True)
        ]
        text = '{"inputs": [' + ", ".join(inputs) + '], "outputs": ' + json.dumps(asked) + "}"
        return {"Content-Type": "application/json"}, text.encode()
    blobs = [_raw(value) for value in feeds.values()]
    for head, blob in zip(heads, blobs, strict=True):
        head["parameters"] = {"binary_data_size": len(blob)}
    header = json.dumps({"inputs": heads, "outputs": asked}).encode()
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(header))}
    return headers, b"".join([header, *blobs])


def decode(headers: Mapping[str, str], body: bytes, wanted: tuple[str, ...]) -> dict[str, Array]:
    """The outputs in an answer, in the order they are wanted; float16 and bfloat16 become float32.

    Args:
        headers: of the answer, in lower case or of a mapping that does not mind.
        wanted: names of the outputs; with none, all are taken as they come.

    Raises:
        NotTheProtocol: it is something else than announced; says what.
    """
    length = _length(headers.get(HEADER_LENGTH) or headers.get(HEADER_LENGTH.lower()), len(body))
    answer = parse_json(body[:length])
    listed = answer.get("outputs")
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise _wrong("its answer lists no outputs")
    found: dict[str, Array] = {}
    at = length
    for item in listed:
        name = item.get("name")
        if not isinstance(name, str):
            raise _wrong("an output has no name")
        size = (item.get("parameters") or {}).get("binary_data_size") if _is_object(item.get("parameters")) else None
        if size is None:
            found[name] = _from_json(name, item)
            continue
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= len(body) - at:
            raise _wrong(f"the output {quoted(name)} is cut short: {len(body) - at} of {quoted(size)} bytes are there")
        found[name] = _from_bytes(name, item, body[at : at + size])
        at += size
    missing = [name for name in wanted if name not in found]
    if missing:
        raise _wrong(f"its answer lacks the output {quoted(missing[0])}")
    return {name: found[name] for name in wanted} if wanted else found


def parse_json(text: bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        NotTheProtocol: it is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        start = text[:80].decode("utf-8", "replace")
        raise _wrong(f"its answer is no JSON but begins with {quoted(start)}") from None
    if not isinstance(value, dict):
        raise _wrong("its answer is no JSON object")
    return value


def tensor_facts(listed: Any, what: str) -> tuple[TensorFact, ...]:
    """The inputs or outputs in a model's metadata: names, shapes (None for an open axis) and element types.

    Raises:
        NotTheProtocol: they are described in no way that can be understood.
    """
    if not isinstance(listed, list):
        raise _wrong(f"its metadata lists no {what}")
    facts = []
    for item in listed:
        name, shape = (item.get("name"), item.get("shape")) if isinstance(item, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(shape, list):
            raise _wrong(f"its metadata describes one of the {what} without a name or shape")
        axes = []
        for axis in shape:
            number = int(axis) if isinstance(axis, str) and axis.lstrip("-").isdigit() else axis  # some write texts
            if isinstance(number, bool) or not isinstance(number, int):
                raise _wrong(f"its metadata gives the {what} {quoted(name)} a shape with {quoted(axis)} in it")
            axes.append(number if number > 0 else None)
        facts.append(TensorFact(name, tuple(axes), dtype_of(item.get("datatype"))))
    return tuple(facts)


def dtype_of(datatype: Any) -> str:
    """NumPy's name of an element type; the protocol's own in lower case where there is none."""
    text = str(datatype)[:20]
    return _BY_DATATYPE.get(text, {"BF16": "bfloat16", "BYTES": "string"}.get(text, text.lower()))


def _datatype(value: Array) -> str:
    try:
        return _BY_DTYPE[value.dtype.name]
    except KeyError:
        raise ModelError(f"Tensors of {value.dtype} cannot be sent to a model server") from None


def _raw(value: Array) -> bytes:
    return value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()


def _json_numbers(value: Array) -> str:
    """A flat JSON array; each number in the fewest digits that give it back exactly."""
    flat = value.ravel()
    if flat.dtype.kind in "biu":
        return json.dumps(flat.tolist(), separators=(",", ":"))
    if not np.isfinite(flat).all():
        raise ModelError("The picture's values became infinite", remedy="Check the scaling in the profile.")
    uniques, places = np.unique(flat, return_inverse=True)
    if len(uniques) > _FEW_VALUES:
        return json.dumps(flat.astype(np.float64).tolist(), separators=(",", ":"))
    texts = [str(number) for number in uniques]
    return "[" + ",".join([texts[place] for place in places.tolist()]) + "]"


def _length(told: str | None, size: int) -> int:
    if told is None:
        return size
    if not told.isascii() or not told.isdigit() or int(told) > size:
        raise _wrong(f"its answer says that {quoted(told)} of its {size} bytes are JSON")
    return int(told)


def _shape(name: str, item: Mapping[str, Any]) -> tuple[int, ...]:
    shape = item.get("shape")
    if not isinstance(shape, list) or any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in shape):
        raise _wrong(f"the output {quoted(name)} has the shape {quoted(shape)}")
    if math.prod(shape) > _MOST_ELEMENTS:
        raise _wrong(f"the output {quoted(name)} is said to hold {math.prod(shape):,} numbers")
    return tuple(shape)


def _from_bytes(name: str, item: Mapping[str, Any], blob: bytes) -> Array:
    shape, datatype = _shape(name, item), item.get("datatype")
    if datatype == "BF16":
        halves = np.frombuffer(blob[: len(blob) // 2 * 2], dtype="<u2").astype(np.uint32)
        values: Array = (halves << 16).view(np.float32)
        width = 2
    else:
        dtype = np.dtype(_numeric(name, datatype)).newbyteorder("<")
        width = dtype.itemsize
        values = np.frombuffer(blob[: len(blob) // width * width], dtype=dtype).astype(dtype.newbyteorder("="))
    if len(blob) != math.prod(shape) * width:
        raise _wrong(
            f"the output {quoted(name)} of shape {list(shape)} has {len(blob)} bytes, not {math.prod(shape) * width}"
        )
    return _single(values.reshape(shape))


def _from_json(name: str, item: Mapping[str, Any]) -> Array:
    shape, datatype, data = _shape(name, item), item.get("datatype"), item.get("data")
    if not isinstance(data, list):
        raise _wrong(f"the output {quoted(name)} holds no data")
    dtype = np.dtype("float32" if datatype == "BF16" else _numeric(name, datatype))
    try:
        with np.errstate(over="ignore"):
            values = np.asarray(data, dtype=dtype).ravel()  # nested or flat: the protocol allows both
    except (ValueError, TypeError, OverflowError):
        raise _wrong(f"the output {quoted(name)} holds something else than numbers of {quoted(datatype)}") from None
    if values.size != math.prod(shape):
        raise _wrong(f"the output {quoted(name)} of shape {list(shape)} has {values.size} numbers")
    return _single(values.reshape(shape))


def _numeric(name: str, datatype: Any) -> str:
    try:
        return _BY_DATATYPE[datatype]
    except (KeyError, TypeError):
        raise _wrong(f"the output {quoted(name)} is of type {quoted(datatype)}, which are no numbers") from None


def _single(values: Array) -> Array:
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _wrong(what: str) -> NotTheProtocol:
    return NotTheProtocol(
        f"The model server does not keep to the Open Inference Protocol: {what}",
        remedy="Check the address and the model's name; the server must speak the protocol's version 2 over HTTP.",
    )
