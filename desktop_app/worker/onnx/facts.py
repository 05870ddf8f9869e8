"""All that families may look at to tell a file: its graph, what lies beside it, and one dry run on noise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from desktop_app.core.errors import KnownError
from desktop_app.worker.onnx.graph import Graph, TensorFact
from desktop_app.worker.onnx.inference import Inference
from desktop_app.worker.onnx.sidecars import Sidecars
from desktop_app.worker.onnx.spec import DTYPES, Array

_SIDES = (640, 224, 512, 320, 416, 256, 1024, 384)


@dataclass(frozen=True)
class ImageInput:
    """The input that takes the picture, as far as the file settles it.

    Attributes:
        width, height: fixed or those the dry run worked with.
        dynamic: whether the file leaves them open.
        batch: fixed batch size, 1 where open.
    """

    name: str
    layout: str
    dtype: str
    channels: int
    width: int
    height: int
    dynamic: bool
    batch: int = 1


@dataclass(frozen=True)
class Facts:
    """See the module. `sampled` holds the outputs of the dry run, empty where none succeeded (`dry_error` says why)."""

    graph: Graph
    sidecars: Sidecars = field(default_factory=Sidecars)
    image: ImageInput | None = None
    sampled: Mapping[str, Array] = field(default_factory=dict)
    dry_error: str = ""

    @property
    def inputs(self) -> tuple[TensorFact, ...]:
        """Of the graph."""
        return self.graph.inputs

    @property
    def image_name(self) -> str:
        """Name of the picture input, "" without one."""
        return self.image.name if self.image is not None else ""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Output names in the file's order."""
        return self.graph.output_names

    @property
    def metadata(self) -> Mapping[str, str]:
        """`metadata_props` of the file."""
        return self.graph.metadata

    def shape(self, index: int) -> tuple[int, ...]:
        """Concrete shape of an output as the dry run gave it; else the file's, with -1 for open axes."""
        name = self.outputs[index]
        if name in self.sampled:
            return tuple(self.sampled[name].shape)
        return tuple(d if isinstance(d, int) else -1 for d in self.graph.outputs[index].shape)

    def shapes(self) -> list[tuple[int, ...]]:
        """Of all outputs."""
        return [self.shape(index) for index in range(len(self.outputs))]

    def values(self, index: int) -> Array | None:
        """What the dry run gave for an output, or None."""
        return self.sampled.get(self.outputs[index])

    def anchors(self, strides: tuple[int, ...] = (8, 16, 32)) -> int:
        """Σ H·W / s² over the strides for the input's size; 0 without an image input."""
        if self.image is None:
            return 0
        return sum(-(-self.image.height // s) * -(-self.image.width // s) for s in strides)


def find_image_input(graph: Graph) -> ImageInput | None:
    """The one input that looks like a picture, with sizes where the file fixes them (0 where open)."""
    found = [item for item in (_as_image(fact) for fact in graph.inputs) if item is not None]
    return found[0] if len(found) == 1 else None


def _as_image(fact: TensorFact) -> ImageInput | None:
    if fact.dtype not in DTYPES or fact.rank not in (3, 4):
        return None
    dims = fact.shape if fact.rank == 4 else (1, *fact.shape)
    prefix = "n" if fact.rank == 4 else ""
    first, last = dims[1], dims[3]
    batch = dims[0] if isinstance(dims[0], int) else 1
    if last in (1, 3, 4) and first not in (1, 3, 4):
        layout, channels, h, w = prefix + "hwc", last, dims[1], dims[2]
    elif first in (1, 3, 4):
        layout, channels, h, w = prefix + "chw", first, dims[2], dims[3]
    elif not isinstance(first, int) and last not in (1, 3, 4):
        layout, channels, h, w = prefix + "chw", 3, dims[2], dims[3]
    else:
        return None
    height, width = (h if isinstance(h, int) else 0), (w if isinstance(w, int) else 0)
    return ImageInput(fact.name, layout, fact.dtype, int(channels or 3), width, height, not (height and width), batch)


def gather(graph: Graph, inference: Inference, sidecars: Sidecars) -> Facts:
    """Runs the model once on noise, which is its warm-up too, and puts all facts together."""
    image = find_image_input(graph)
    if image is None:
        return Facts(graph, sidecars, None, {}, "no input looks like one picture")
    error = ""
    for width, height in _sizes(image, graph, sidecars):
        sized = ImageInput(
            image.name, image.layout, image.dtype, image.channels, width, height, image.dynamic, image.batch
        )
        feeds = noise_feeds(graph, sized)
        if feeds is None:
            return Facts(graph, sidecars, sized, {}, "an input beside the picture has an unknown meaning")
        try:
            return Facts(graph, sidecars, sized, inference.run(feeds))
        except KnownError as problem:
            error = problem.details or problem.what
            if not image.dynamic:
                break
    width, height = image.width or 640, image.height or 640
    sized = ImageInput(image.name, image.layout, image.dtype, image.channels, width, height, image.dynamic, image.batch)
    return Facts(graph, sidecars, sized, {}, error)


def _sizes(image: ImageInput, graph: Graph, sidecars: Sidecars) -> list[tuple[int, int]]:
    if image.width and image.height:
        return [(image.width, image.height)]
    stated = re.findall(r"\d+", graph.metadata.get("imgsz", ""))
    sizes: list[tuple[int, int]] = []
    if len(stated) == 2:
        sizes.append((int(stated[1]), int(stated[0])))
    preprocessor = sidecars.mapping("preprocessor_config.json")
    size = preprocessor.get("crop_size") if preprocessor.get("do_center_crop") else preprocessor.get("size")
    if isinstance(size, int):
        sizes.append((size, size))
    elif isinstance(size, Mapping) and isinstance(size.get("width"), int) and isinstance(size.get("height"), int):
        sizes.append((size["width"], size["height"]))
    if image.width or image.height:  # PP-OCR's recogniser: fixed height, open width
        known = image.width or image.height
        sizes.extend([(image.width or 320, image.height or known), (known, known)])
    sizes.extend((side, side) for side in _SIDES)
    return [pair for pair in dict.fromkeys(sizes) if min(pair) >= 8 and max(pair) <= 4096]


def noise_feeds(graph: Graph, image: ImageInput) -> dict[str, Array] | None:
    """Inputs for the dry run; None where an input beside the picture is of no known kind."""
    shape: tuple[int, ...] = (image.height, image.width)
    shape = (*shape, image.channels) if image.layout.endswith("hwc") else (image.channels, *shape)
    if image.layout.startswith("n"):
        shape = (image.batch, *shape)
    dtype = DTYPES[image.dtype]
    noise = np.random.default_rng(7).integers(0, 256, size=shape)
    values = noise.astype(dtype) if np.issubdtype(dtype, np.integer) else (noise / 255).astype(dtype)
    feeds: dict[str, Array] = {image.name: values}
    for fact in graph.inputs:
        if fact.name == image.name:
            continue
        extra = side_input(fact, image.width, image.height, image.width, image.height, image.batch)
        if extra is None:
            return None
        feeds[fact.name] = extra
    return feeds


def side_input(
    fact: TensorFact, asset_width: int, asset_height: int, width: int, height: int, batch: int = 1
) -> Array | None:
    """The value of an input that tells the model sizes, by its name; None where the name means nothing here."""
    dtype: Any = DTYPES.get(fact.dtype, np.float32)
    name = fact.name.lower()
    if name in ("orig_target_sizes", "orig_size", "target_sizes", "original_size"):
        row: list[float] = [asset_width, asset_height]
    elif name == "scale_factor":
        row = [height / asset_height, width / asset_width]
    elif name in ("im_shape", "image_shape"):
        row = [height, width]
    elif name == "pixel_mask":
        return np.ones((batch, height, width), dtype=dtype)
    else:
        return None
    value: Array = np.repeat(np.array([row], dtype=dtype), batch, axis=0)
    return value


def describe_shapes(facts: Facts) -> dict[str, Any]:
    """Outputs as a person reads them: `{"output0": "float32[1, 84, 8400]"}`."""
    return {
        fact.name: f"{fact.dtype}[{', '.join('?' if d < 0 else str(d) for d in facts.shape(index))}]"
        for index, fact in enumerate(facts.graph.outputs)
    }
