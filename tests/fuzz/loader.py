"""A worker's loaders in a process of their own, which an input may kill: `python -m tests.fuzz.loader picture|model`.

A path comes in on each line; what became of it goes out: "ok", the name of a known error, or "!" and a traceback.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from pathlib import Path

from desktop_app.core.errors import KnownError
from desktop_app.core.profile import Detection, OnnxSource

MEMORY_MB = 4096
"""What a picture or model may claim before the system says no, which must be an error like any other."""


def picture(path: Path) -> None:
    """As the worker reads an asset."""
    from desktop_app.worker.onnx.picture import read_picture

    read_picture(path)
    read_picture(path, target=(64, 64)).resized(64, 64)


def model(path: Path) -> None:
    """As the worker loads a model, and runs it once on a small picture."""
    from desktop_app.worker.onnx.model import OnnxModel
    from desktop_app.worker.onnx.predict import prediction_json

    loaded = OnnxModel(OnnxSource(path=path), Detection(), say=lambda _: None)
    try:
        json.dumps(prediction_json(loaded.predict(path.with_name("picture.png"))))
    finally:
        loaded.close()


def main() -> None:
    load = {"picture": picture, "model": model}[sys.argv[1]]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, MEMORY_MB << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        try:
            load(Path(line.strip()))
            answer = "ok"
        except KnownError as error:
            answer = type(error).__name__
        except BaseException:
            answer = "!" + traceback.format_exc()
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
