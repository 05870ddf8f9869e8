"""Files that are none, or lack something: one clear sentence each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from desktop_app.core.errors import ModelLoadError
from desktop_app.worker.onnx.graph import read_graph
from desktop_app.worker.onnx.inspect import identify


def small(net: Any) -> Any:
    net.output(net.find(net.input("x", [1, 3, 32, 32])).heat, "y", [1, 1, 32, 32])
    return net


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (b"hello world, this is text", "no ONNX model|no model"),
        (b"PK\x03\x04rest", "PyTorch"),
        (b"\x80\x02cstuff", "PyTorch"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (bytes(range(256)) * 8, "no ONNX model|damaged"),
    ],
)
def test_what_is_no_model(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelLoadError, match=text) as caught:
        identify(path)
    assert caught.value.where == "m.onnx"
    assert caught.value.remedy


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="not there"):
        identify(tmp_path / "m.onnx")


def test_truncated_model(net: Any, tmp_path: Path) -> None:
    net.const(np.random.default_rng(1).random((200, 200)))
    path = small(net).save(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelLoadError):
        identify(path)


@pytest.mark.parametrize("name", [b"Conv", b"images", b"probabilities", b"some weights", b"some key", b"some value"])
def test_names_that_are_no_text(tmp_path: Path, name: bytes) -> None:
    """Found by the fuzz test: protobuf reads such a file without a word, and gives bytes for its texts."""
    weights = numpy_helper.from_array(np.ones((3, 3, 3, 3), dtype=np.float32), "some weights")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "some weights"], ["probabilities"])],
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 3, 6, 6])],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"some key": "some value"})
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString().replace(name, b"\xff" + name[1:]))
    with pytest.raises(ModelLoadError, match="damaged"):
        identify(path)


def test_weights_in_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    """Found by the fuzz test."""
    weights = TensorProto(name="w", dims=[3, 3, 3, 3], data_type=1, data_location=TensorProto.EXTERNAL)
    entry = weights.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 6, 6])],
        [weights],
    )
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString().replace(b"weights.bin", b"\xff\xfeights.bin"))
    with pytest.raises(ModelLoadError, match="not there"):
        identify(path)


def test_weights_in_a_file_that_is_missing(tmp_path: Path, net: Any) -> None:
    image = net.input("x", [1, 3, 32, 32])
    weight = net.const(np.ones((1, 3, 32, 32)))
    net.output(net.mul(image, weight), "y", [1, 3, 32, 32])
    path = tmp_path / "m.onnx"
    onnx.save_model(
        net.model(),
        str(path),
        save_as_external_data=True,
        location="m.onnx.data",
        size_threshold=0,
        convert_attribute=True,
    )
    assert (tmp_path / "m.onnx.data").exists()
    identify(path)
    data = (tmp_path / "m.onnx.data").read_bytes()
    (tmp_path / "m.onnx.data").write_bytes(data[:100])
    with pytest.raises(ModelLoadError) as cut:
        identify(path)
    assert cut.value.remedy
    (tmp_path / "m.onnx.data").unlink()
    with pytest.raises(ModelLoadError, match=r"m\.onnx\.data") as caught:
        identify(path)
    assert "same folder" in caught.value.remedy


@pytest.mark.parametrize("where", ["initializer", "constant", "function"])
@pytest.mark.parametrize("place", ["../../secret.bin", "/etc/passwd", r"..\secret.bin", r"C:\secret.bin", "link.bin"])
def test_weights_are_read_from_beside_the_model_alone(tmp_path: Path, where: str, place: str) -> None:
    """No path escape, wherever the tensor stands; a link beside the model is one too."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    for outside in (tmp_path / "secret.bin", tmp_path / "a" / "secret.bin"):
        outside.write_bytes(bytes(4 * 3 * 32 * 32))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    weight = TensorProto(name="w", dims=[1, 3, 32, 32], data_type=1, data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=place)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 32, 32]) for name in "xy"]
    multiply = helper.make_node("Mul", ["x", "w"], ["y"])
    constant = helper.make_node("Constant", [], ["w"], value=weight)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions = []
    if where == "initializer":
        graph = helper.make_graph([multiply], "g", ends[:1], ends[1:], [weight])
    elif where == "constant":
        graph = helper.make_graph([constant, multiply], "g", ends[:1], ends[1:])
    else:
        functions = [helper.make_function("own", "Scaled", ["x"], ["y"], [constant, multiply], opsets[:1])]
        graph = helper.make_graph([helper.make_node("Scaled", ["x"], ["y"], domain="own")], "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelLoadError, match="from outside its own folder") as caught:
        identify(path)
    assert repr(place) in caught.value.what
    assert "Only files beside the model are read" in caught.value.remedy


def test_weights_beside_what_a_model_links_to_work(tmp_path: Path, net: Any) -> None:
    """The caches of model hubs keep all files in one folder, and links to them in another."""
    net.output(net.mul(net.input("x", [1, 3, 32, 32]), net.const(np.ones((1, 3, 32, 32)))), "y", [1, 3, 32, 32])
    kept, shown = tmp_path / "blobs", tmp_path / "snapshot"
    kept.mkdir()
    shown.mkdir()
    place = {"location": "w.bin", "size_threshold": 0, "convert_attribute": True}
    onnx.save_model(net.model(), str(kept / "m.onnx"), save_as_external_data=True, **place)
    for name in ("m.onnx", "w.bin"):
        (shown / name).symlink_to(kept / name)
    identify(shown / "m.onnx")


def test_external_data_beside_the_file_works(tmp_path: Path, net: Any, load: Any, picture: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, net.mul(found.peak, net.const([0.9])))
    net.output(net.op("Transpose", net.spread(row, 2100, 9), perm=[0, 2, 1]), "output0", [1, 5, 2100])
    path = tmp_path / "m.onnx"
    onnx.save_model(net.model(), str(path), save_as_external_data=True, location="weights.bin", size_threshold=1000)
    assert len(load(path).predict(picture()[0]).instances) == 1


def test_custom_operator(tmp_path: Path, net: Any) -> None:
    value = net.op("MagicNMS", net.input("x", [1, 3, 32, 32]), domain="com.acme")
    net.output(value, "y", [1, 3, 32, 32])
    with pytest.raises(ModelLoadError, match=r"com\.acme::MagicNMS") as caught:
        identify(net.save(tmp_path / "m.onnx"))
    assert "without custom" in caught.value.remedy


def test_other_tensorrt_operators_are_declined(tmp_path: Path, net: Any) -> None:
    value = net.op("ROIAlign_TRT", net.input("x", [1, 3, 32, 32]), domain="TRT")
    net.output(value, "y", [1, 3, 32, 32])
    with pytest.raises(ModelLoadError, match="TensorRT operators"):
        identify(net.save(tmp_path / "m.onnx"))


def test_opset_of_the_future(tmp_path: Path, net: Any) -> None:
    model = small(net).model()
    model.opset_import[0].version = 99
    path = tmp_path / "m.onnx"
    onnx.save_model(model, str(path))
    with pytest.raises(ModelLoadError, match="newer than this app") as caught:
        identify(path)
    assert "older opset" in caught.value.remedy


def test_file_format_of_the_future(tmp_path: Path, net: Any) -> None:
    net.output(net.input("x", [1, 3, 8, 8]), "y", [1, 3, 8, 8])
    model = net.model()
    model.ir_version = 99
    onnx.save_model(model, str(tmp_path / "m.onnx"))
    with pytest.raises(ModelLoadError, match="file format is newer") as caught:
        identify(tmp_path / "m.onnx")
    assert "ir_version" in caught.value.remedy


def test_unknown_operator_of_the_standard_domain(tmp_path: Path, net: Any) -> None:
    net.output(net.op("Frobnicate", net.input("x", [1, 3, 32, 32])), "y", [1, 3, 32, 32])
    with pytest.raises(ModelLoadError, match="operator that onnxruntime does not have"):
        identify(net.save(tmp_path / "m.onnx"))


def test_operators_inside_if_bodies_are_counted(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [helper.make_node("NonMaxSuppression", ["b", "s"], ["o"])],
        "then",
        [],
        [helper.make_tensor_value_info("o", TensorProto.INT64, ["n", 3])],
    )
    other = helper.make_graph(
        [helper.make_node("Constant", [], ["e"], value=numpy_helper.from_array(np.zeros((0, 3), np.int64)))],
        "else",
        [],
        [helper.make_tensor_value_info("e", TensorProto.INT64, ["n", 3])],
    )
    graph = helper.make_graph(
        [helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=other)],
        "g",
        [
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("b", TensorProto.FLOAT, [1, "n", 4]),
            helper.make_tensor_value_info("s", TensorProto.FLOAT, [1, 1, "n"]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.INT64, ["n", 3])],
    )
    path = tmp_path / "m.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    facts = read_graph(path)
    assert facts.has("If", "NonMaxSuppression")
    assert facts.input_names == ("c", "b", "s")


def test_initializers_listed_as_inputs_are_none(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((1,), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"])],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", None]),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [weight],
    )
    path = tmp_path / "m.onnx"
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=4), str(path))
    facts = read_graph(path)
    assert facts.input_names == ("x",)
    assert facts.inputs[0].shape == (1, 3, "h", None)
    assert facts.opset == 9
    assert facts.inputs[0].text() == "x float32[1, 3, h, ?]"


def test_wrong_class_count_is_said(net: Any, tmp_path: Path, load: Any) -> None:
    found = net.find(net.input("images", [1, 3, 320, 320]))
    row = net.row(*found.centred, 0.0, found.peak)
    net.output(net.op("Transpose", net.spread(row, 2100, 9), perm=[0, 2, 1]), "output0", [1, 6, 2100])
    path = net.save(tmp_path / "m.onnx")
    with pytest.raises(ModelLoadError, match="has 3 names, the model has 2 classes"):
        load(path, classes=("a", "b", "c"))
    assert load(path, classes=("a", "b")).found.classes == ("a", "b")
