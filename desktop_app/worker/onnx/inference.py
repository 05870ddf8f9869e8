"""What runs the tensors of an identified model: a session of this process, or a model server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from desktop_app.worker.onnx.spec import Array


class Inference(Protocol):
    """All that identification, trials of scalings and predictions need of it. Safe to use from several threads.

    Attributes:
        notes: what a person should know of how it runs; may grow while it does.
    """

    notes: list[str]

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Runs the model once on inputs by name; float16 outputs come back as float32.

        Raises:
            ModelError: the model failed on these inputs.
        """
