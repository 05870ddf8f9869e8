"""What `plugdeck inspect` prints of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop_app.worker.onnx.facts import gather
from desktop_app.worker.onnx.graph import read_graph
from desktop_app.worker.onnx.identify import identify_facts
from desktop_app.worker.onnx.session import Session
from desktop_app.worker.onnx.sidecars import read_sidecars


def identify(path: Path | str) -> dict[str, Any]:
    """Family, task, input, classes, output, confidence, why and warnings of an ONNX file; see the CLI's contract.

    Raises:
        ModelLoadError: the file cannot be loaded; one clear sentence.
    """
    path = Path(path)
    graph = read_graph(path)
    session = Session(graph)
    return identify_facts(gather(graph, session, read_sidecars(path))).as_json()
