"""What `plugdeck inspect` prints of a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desktop_app.worker.onnx.facts import Facts, gather
from desktop_app.worker.onnx.geometry import plan
from desktop_app.worker.onnx.graph import read_graph
from desktop_app.worker.onnx.identify import candidates, corrected, identify_facts
from desktop_app.worker.onnx.inference import Inference
from desktop_app.worker.onnx.picture import read_picture
from desktop_app.worker.onnx.probe import probe
from desktop_app.worker.onnx.sidecars import read_sidecars
from desktop_app.worker.onnx.sureness import chosen_parts, sureness


def identify(
    path: Path | str,
    *,
    picture: Path | None = None,
    only: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Family, task, input, classes, output, confidence, why and warnings of an ONNX file; see the CLI's contract.

    On top, `sure` says of each part how sure it is and why, and which parts the person chose; `alternatives` names
    other families that could read it.

    Args:
        picture: a real picture, on which scaling and colour order are tried out where the file does not settle them.
        only: name of the family the user chose.
        overrides: what else the user changed, as a profile keeps it.

    Raises:
        ModelLoadError: the file cannot be loaded; one clear sentence.
        AssetError: the picture cannot be read.
    """
    # Here, for a model on a server is told of without it.
    from desktop_app.worker.onnx.session import Session

    path = Path(path)
    graph = read_graph(path)
    session = Session(graph)
    facts = gather(graph, session, read_sidecars(path))
    return tell(facts, session, picture=picture, only=only, overrides=overrides)


def tell(
    facts: Facts,
    inference: Inference,
    *,
    picture: Path | None = None,
    only: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The same of a model whose facts are there; see `identify`."""
    untried = found = identify_facts(facts, only=only or _family(overrides))
    changes = {**(overrides or {}), **({"family": only} if only else {})}
    if picture is not None:
        spec = found.input
        pixels = read_picture(picture, target=lambda width, height: plan(spec, width, height).picture_size)
        found = probe(found, facts, inference, pixels)
    others = [name for name in candidates(facts) if name != found.family]
    sure = sureness(found, facts, untried, chosen_parts(changes))
    told = {**corrected(found, changes).as_json(), "sure": sure}
    return {**told, "alternatives": others} if others else told


def _family(overrides: Mapping[str, Any] | None) -> str | None:
    chosen = (overrides or {}).get("family")
    return chosen if isinstance(chosen, str) else None
