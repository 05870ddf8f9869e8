"""Bodies of the protocol: what goes in comes out, and nothing else gets through."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.worker.remote.protocol import HEADER_LENGTH, NotTheProtocol, decode, encode, tensor_facts

DTYPES = ["float32", "float64", "float16", "uint8", "int32", "int64", "bool"]


def answered(body: bytes, headers: dict[str, str]) -> tuple[dict[str, str], bytes]:
    """What a server that gives back its inputs answers to a body."""
    length = int(headers.get(HEADER_LENGTH, len(body)))
    told = json.loads(body[:length])
    header = json.dumps({"outputs": told["inputs"]}).encode()
    return ({HEADER_LENGTH: str(len(header))} if HEADER_LENGTH in headers else {}), header + body[length:]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_come_back_bit_for_bit(dtype: str, binary: bool) -> None:
    random = np.random.default_rng(3)
    feeds = {
        "a": (random.random((1, 3, 5, 7)) * 200).astype(dtype),
        "b": random.integers(0, 2, (2, 2)).astype("int64"),
        "many": random.standard_normal(9000).astype("float32"),
    }
    headers, body = encode(feeds, ("a", "b"), binary=binary)
    found = decode(*answered(body, headers), ("b", "a", "many"))
    assert list(found) == ["b", "a", "many"]
    for name, value in feeds.items():
        assert found[name].dtype == ("float32" if value.dtype == "float16" else value.dtype)
        np.testing.assert_array_equal(found[name], value)


def test_bfloat16_is_read() -> None:
    told = {"name": "y", "datatype": "BF16", "shape": [2], "parameters": {"binary_data_size": 4}}
    header = json.dumps({"outputs": [told]}).encode()
    found = decode({HEADER_LENGTH: str(len(header))}, header + b"\x80\x3f\x20\xc0", ())
    np.testing.assert_array_equal(found["y"], np.array([1.0, -2.5], np.float32))


@pytest.mark.parametrize(
    ("told", "blob", "says"),
    [
        ({"name": "y", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}}, b"1234", "cut short"),
        ({"name": "y", "datatype": "FP32", "shape": [3], "parameters": {"binary_data_size": 8}}, b"12345678", "not 12"),
        ({"name": "y", "datatype": "FP32", "shape": [-1], "data": [1]}, b"", "shape"),
        ({"name": "y", "datatype": "FP32", "shape": [3], "data": [1, 2]}, b"", "2 numbers"),
        ({"name": "y", "datatype": "BYTES", "shape": [1], "data": ["cat"]}, b"", "no numbers"),
        ({"name": "y", "datatype": "FP32", "shape": [1], "data": ["cat"]}, b"", "something else"),
        ({"name": "y", "datatype": "FP32", "shape": [1 << 40], "data": []}, b"", "1,099,511,627,776"),
        ({"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}, b"", 'lacks the output "y"'),
        ({"name": "y", "datatype": "FP32", "shape": [1]}, b"", "no data"),
    ],
)
def test_what_is_wrong_is_said(told: dict[str, Any], blob: bytes, says: str) -> None:
    header = json.dumps({"outputs": [told]}).encode()
    with pytest.raises(NotTheProtocol) as error:
        decode({HEADER_LENGTH: str(len(header))}, header + blob, ("y",))
    assert says in error.value.what
    assert error.value.remedy


@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=200), length=st.none() | st.text(max_size=6) | st.integers(-5, 300).map(str))
def test_garbage_is_never_more_than_an_error_of_the_server(body: bytes, length: str | None) -> None:
    with pytest.raises(NotTheProtocol):
        decode({} if length is None else {HEADER_LENGTH: length}, body, ("y",))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "shape", "data"]), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    told=st.fixed_dictionaries(
        {},
        optional={
            "name": _JSON | st.just("y"),
            "shape": _JSON | st.just([1]),
            "datatype": _JSON | st.sampled_from(["FP32", "INT64", "BF16"]),
            "data": _JSON | st.just([1]),
            "parameters": _JSON | st.builds(lambda size: {"binary_data_size": size}, _JSON | st.just(4)),
        },
    ),
    blob=st.binary(max_size=8),
)
def test_odd_outputs_are_numbers_or_an_error_of_the_server(told: dict[str, Any], blob: bytes) -> None:
    header = json.dumps({"outputs": [told]}).encode()
    try:
        found = decode({HEADER_LENGTH: str(len(header))}, header + blob, ("y",))
    except NotTheProtocol:
        return
    assert isinstance(found["y"], np.ndarray)


@pytest.mark.parametrize("listed", [None, [3], [{"name": "x"}], [{"name": "x", "shape": [1.5]}], [{"shape": [1]}]])
def test_metadata_that_describes_nothing(listed: Any) -> None:
    with pytest.raises(NotTheProtocol, match="metadata"):
        tensor_facts(listed, "inputs")


def test_open_axes_and_texts_for_numbers() -> None:
    (fact,) = tensor_facts([{"name": "x", "shape": [-1, "3", 0, 640], "datatype": "FP16"}], "inputs")
    assert (fact.shape, fact.dtype) == ((None, 3, None, 640), "float16")
