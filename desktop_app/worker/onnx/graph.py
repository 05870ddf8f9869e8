"""What an ONNX file says about itself, read without running it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import onnx

from desktop_app.core.errors import ModelLoadError

KNOWN_DOMAINS = frozenset(
    {
        "",
        "ai.onnx",
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview.training",
        "com.microsoft",
        "com.microsoft.nchwc",
        "com.ms.internal.nhwc",
    }
)
"""Operator domains that onnxruntime carries."""

_DTYPES = {1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool"} | {
    10: "float16",
    11: "float64",
    16: "bfloat16",
}


@dataclass(frozen=True, slots=True)
class TensorFact:
    """An input or output: its name, its shape (a str or None where it is symbolic) and its element type."""

    name: str
    shape: tuple[int | str | None, ...]
    dtype: str

    @property
    def rank(self) -> int:
        """Number of axes; -1 where the file does not say."""
        return len(self.shape)

    def fixed(self, axis: int) -> int | None:
        """The size of an axis, or None where it is symbolic or missing."""
        try:
            value = self.shape[axis]
        except IndexError:
            return None
        return value if isinstance(value, int) and value > 0 else None

    def text(self) -> str:
        """Such as `images float32[1, 3, 640, 640]`."""
        return f"{self.name} {self.dtype}[{', '.join('?' if d is None else str(d) for d in self.shape)}]"


_AGAIN = "Export the model again, or copy the file once more."


@dataclass(frozen=True)
class Graph:
    """The facts of one file.

    Attributes:
        inputs: without initializers, which old exporters list as inputs too.
        ops: how often each operator occurs, as `domain::name` outside the default domain; bodies of If, Loop and Scan
            and local functions included.
        weights: shapes of the initializers.
        first_ops: operators that read an input directly, repetitions kept.
        model: serialised model where it had to be repaired, None where the file itself is loaded.
        repairs: what was changed, for people.
        ops_known: whether `ops`, `weights` and `first_ops` say anything: of a model on a server nobody can see them.
    """

    path: Path
    inputs: tuple[TensorFact, ...]
    outputs: tuple[TensorFact, ...]
    metadata: dict[str, str]
    ops: Counter[str]
    opset: int
    producer: str
    size: int
    weights: dict[str, tuple[int, ...]] = field(default_factory=dict)
    first_ops: tuple[str, ...] = ()
    model: bytes | None = None
    repairs: tuple[str, ...] = ()
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    ops_known: bool = True

    def has(self, *ops: str) -> bool:
        """Whether every one of the operators occurs."""
        return all(op in self.ops for op in ops)

    def output(self, name: str) -> TensorFact | None:
        """The output of that name."""
        return next((item for item in self.outputs if item.name == name), None)

    @property
    def output_names(self) -> tuple[str, ...]:
        """In the file's order."""
        return tuple(item.name for item in self.outputs)

    @property
    def input_names(self) -> tuple[str, ...]:
        """In the file's order."""
        return tuple(item.name for item in self.inputs)


def read_graph(path: Path) -> Graph:
    """Reads and checks a file; a TensorRT suppression node at its end is taken off.

    Raises:
        ModelLoadError: no ONNX file, damaged, data beside it missing, or operators nobody here has.
    """
    model = _parse(path)
    graph = model.graph
    # protobuf hands over what is no UTF-8 as bytes.
    if not all(isinstance(text, str) for text in _texts(model)):
        raise ModelLoadError("The file is damaged: names in it are no text", where=path.name, remedy=_AGAIN)
    if not graph.node or not graph.output:
        raise ModelLoadError(
            "The file holds no model", where=path.name, remedy="Export the model again; the copy may be cut short."
        )
    _check_external(model, path)
    repairs: tuple[str, ...] = ()
    attributes: dict[str, dict[str, Any]] = {}
    foreign = [node for node in _nodes(graph.node) if node.domain == "TRT" or node.op_type.endswith("_TRT")]
    blob = None
    if foreign:
        attributes, repairs = _cut_trt(model, foreign, path)
        blob = _serialise(model, path)
    ops = _count_ops(model)
    _check_domains(model, ops, path)
    held = {item.name for item in graph.initializer}
    return Graph(
        path=path,
        inputs=tuple(_tensor(item) for item in graph.input if item.name not in held),
        outputs=tuple(_tensor(item) for item in graph.output),
        metadata={item.key: item.value for item in model.metadata_props},
        ops=ops,
        opset=max((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), default=0),
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        size=path.stat().st_size,
        weights={item.name: tuple(item.dims) for item in graph.initializer},
        first_ops=_readers(graph, {item.name for item in graph.input} - held),
        model=blob,
        repairs=repairs,
        attributes=attributes,
    )


def _texts(model: onnx.ModelProto) -> Iterator[str | bytes]:
    """Every text that is looked at here or by a family."""
    graph = model.graph
    yield from (model.producer_name, model.producer_version)
    yield from (item.domain for item in model.opset_import)
    for entry in model.metadata_props:
        yield from (entry.key, entry.value)
    yield from (item.name for item in graph.initializer)
    for value in (*graph.input, *graph.output):
        yield value.name
        yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    for node in _nodes([*graph.node, *(node for function in model.functions for node in function.node)]):
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)


def _parse(path: Path) -> onnx.ModelProto:
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except FileNotFoundError:
        raise ModelLoadError(
            "The model file is not there", where=str(path), remedy="Choose the file again in the profile."
        ) from None
    except OSError as error:
        raise ModelLoadError(
            f"The model file cannot be read: {error.strerror or error}",
            where=str(path),
            remedy="Check its permissions.",
        ) from None
    if not head:
        raise ModelLoadError("The model file is empty (0 bytes)", where=path.name, remedy=_AGAIN)
    if head.startswith(b"version https://git-lfs"):
        raise ModelLoadError(
            "The file is a Git LFS pointer, not the model itself", where=path.name, remedy="Run `git lfs pull`."
        )
    if head.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x04")):
        raise ModelLoadError(
            "The file is a PyTorch checkpoint or an archive, not ONNX",
            where=path.name,
            remedy="Export it to ONNX with the tool it was trained with.",
        )
    try:
        return onnx.load_model(str(path), load_external_data=False)
    except Exception as error:  # noqa: BLE001 - protobuf's own errors share no base class with anything
        raise ModelLoadError(
            "The file is no ONNX model or is damaged", where=path.name, remedy=_AGAIN, details=str(error)
        ) from None


def _readers(graph: onnx.GraphProto, names: set[str]) -> tuple[str, ...]:
    """Operators that read the inputs, looking through casts."""
    names = set(names)
    found: list[str] = []
    for node in graph.node:
        if names.intersection(node.input):
            if node.op_type in ("Cast", "Identity"):
                names.update(node.output)
            else:
                found.append(node.op_type)
    return tuple(found)


def _tensor(value: onnx.ValueInfoProto) -> TensorFact:
    kind = value.type.tensor_type
    shape: list[int | str | None] = []
    for dim in kind.shape.dim:
        if dim.HasField("dim_value") and dim.dim_value > 0:
            shape.append(int(dim.dim_value))
        else:
            shape.append(dim.dim_param or None)
    return TensorFact(value.name, tuple(shape), _DTYPES.get(kind.elem_type, f"type {kind.elem_type}"))


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _nodes(attribute.g.node)
            elif attribute.type == onnx.AttributeProto.GRAPHS:
                for body in attribute.graphs:
                    yield from _nodes(body.node)


def _count_ops(model: onnx.ModelProto) -> Counter[str]:
    own = {(item.domain, item.name) for item in model.functions}
    ops: Counter[str] = Counter()
    bodies = [model.graph.node, *(item.node for item in model.functions)]
    for body in bodies:
        for node in _nodes(body):
            if (node.domain, node.op_type) in own:
                continue
            ops[node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}::{node.op_type}"] += 1
    return ops


def _check_domains(model: onnx.ModelProto, ops: Counter[str], path: Path) -> None:
    strange = sorted(op for op in ops if "::" in op and op.split("::")[0] not in KNOWN_DOMAINS)
    if strange:
        some = ", ".join(strange[:3]) + (" …" if len(strange) > 3 else "")
        raise ModelLoadError(
            f"The model needs an operator that onnxruntime does not have: {some}",
            where=path.name,
            remedy="Export it for plain ONNX Runtime, without custom or TensorRT operators.",
        )


def _check_external(model: onnx.ModelProto, path: Path) -> None:
    missing: set[str] = set()
    for tensor in _tensors(model):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        place = next((item.value for item in tensor.external_data if item.key == "location"), "")
        if isinstance(place, bytes):  # no UTF-8
            place = place.decode(errors="replace")
        if _leads_away(place, path):
            raise ModelLoadError(
                f"The model wants its weights from outside its own folder: {place[:200]!r}",
                where=path.name,
                remedy="Only files beside the model are read. Export it again, with its weights in the same folder.",
            )
        try:
            found = (path.parent / place).is_file()
        except ValueError:  # a zero byte
            found = False
        if not found:
            missing.add(place)
    if missing:
        names = ", ".join(sorted(missing)[:3])
        raise ModelLoadError(
            f"The model keeps its weights in a file beside it that is not there: {names}",
            where=path.name,
            remedy=f"Put {names} into the same folder, unrenamed.",
        )


def _leads_away(place: str, path: Path) -> bool:
    """Whether a place named in a model lies elsewhere than the model, written so or by a symbolic link.

    Where the model is a link itself, as in the caches of model hubs, its weights may lie beside what it links to.
    """
    both = (PurePosixPath(place), PureWindowsPath(place))
    if any(form.is_absolute() or form.drive or ".." in form.parts for form in both):
        return True
    try:
        end = (path.parent / place).resolve()
        return not any(end.is_relative_to(home) for home in (path.parent.resolve(), path.resolve().parent))
    except (OSError, ValueError, RuntimeError):
        return False  # it is not there


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All of a model, wherever they stand."""
    yield from _tensors_of(model.graph)
    for function in model.functions:
        yield from _constants(function.node)


def _tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _constants(graph.node)


def _constants(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for body in (attribute.g, *attribute.graphs):
                yield from _tensors_of(body)


def _cut_trt(
    model: onnx.ModelProto, foreign: list[onnx.NodeProto], path: Path
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """Takes one EfficientNMS_TRT node off the end of the graph; its boxes and scores become the outputs."""
    node = foreign[0]
    ends = {item.name for item in model.graph.output}
    at_the_end = bool(node.output) and set(node.output) <= ends and node in list(model.graph.node)
    if len(foreign) != 1 or node.op_type != "EfficientNMS_TRT" or not at_the_end:
        raise ModelLoadError(
            f"The model needs TensorRT operators ({', '.join(sorted({n.op_type for n in foreign}))})",
            where=path.name,
            remedy="Export it for ONNX Runtime instead of TensorRT.",
        )
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    keep = {"box_coding", "score_activation", "background_class", "score_threshold", "iou_threshold"}
    facts = {
        key: value.decode() if isinstance(value, bytes) else value for key, value in attributes.items() if key in keep
    }
    boxes, scores = node.input[0], node.input[1]
    model.graph.node.remove(node)
    others = [item for item in model.graph.output if item.name not in set(node.output)]
    del model.graph.output[:]
    model.graph.output.extend(
        [onnx.helper.make_empty_tensor_value_info(boxes), onnx.helper.make_empty_tensor_value_info(scores), *others]
    )
    for item in model.graph.output[:2]:
        item.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    dropped = [item for item in model.opset_import if item.domain not in KNOWN_DOMAINS]
    for item in dropped:
        model.opset_import.remove(item)
    note = "The TensorRT suppression at the model's end was taken off; suppression is done here instead."
    return {"efficient_nms": {**facts, "boxes": boxes, "scores": scores}}, (note,)


def _serialise(model: onnx.ModelProto, path: Path) -> bytes:
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
        return bytes(model.SerializeToString())
    except ValueError:
        raise ModelLoadError(
            "The model needs TensorRT operators and is too large to be repaired here (over 2 GB)",
            where=path.name,
            remedy="Export it for ONNX Runtime instead of TensorRT.",
        ) from None
