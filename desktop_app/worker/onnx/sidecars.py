"""What lies beside a model file and says how it is used: class lists, preprocessing, exporters' own notes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_app.core.errors import UsageError
from desktop_app.worker.onnx.classes import names_of, read_classes
from desktop_app.worker.onnx.yamlish import YamlError, parse

_MAX_BYTES = 8_000_000
_JSON = ("config.json", "preprocessor_config.json", "inference_config.json", "keypoints_metadata.json", "pipeline.json")
_YAML = ("data.yaml", "data.yml", "metadata.yaml", "infer_cfg.yml", "inference.yml")
_LISTS = ("class_names.txt", "classes.txt", "labels.txt", "obj.names", "coco.names", "label_list.txt")


@dataclass(frozen=True)
class Sidecars:
    """Parsed files by name; `names` and `names_file` are the class list found among them."""

    files: Mapping[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    names_file: str = ""
    warnings: tuple[str, ...] = ()

    def mapping(self, name: str) -> Mapping[str, Any]:
        """The parsed object of a file; empty where it is not there or no object."""
        value = self.files.get(name)
        return value if isinstance(value, Mapping) else {}


def read_sidecars(model: Path) -> Sidecars:
    """Reads what is beside `model`, and above it where it lies in a folder called `onnx` as Hugging Face does it.

    A file that cannot be parsed is named in `warnings`; nothing is raised.
    """
    files: dict[str, Any] = {}
    warnings: list[str] = []
    folders = [model.parent] + ([model.parent.parent] if model.parent.name == "onnx" else [])
    for folder in folders:
        for name in (*_JSON, *_YAML, f"{model.stem}.json", f"{model.stem}.yaml", f"{model.stem}.yml"):
            path = folder / name
            if name in files or not path.is_file():
                continue
            try:
                files[name] = _load(path)
            except (ValueError, OSError, YamlError, RecursionError):
                warnings.append(f"{name} beside the model cannot be read and was left out.")
    own = (f"{model.stem}.txt", f"{model.stem}.names")
    for folder in folders:
        for name in (*own, *_LISTS):
            path = folder / name
            if path.is_file() and path.stat().st_size < _MAX_BYTES:
                try:
                    names = read_classes(path)
                except UsageError:
                    warnings.append(f"{name} beside the model is no class list and was left out.")
                    continue
                return Sidecars(files, names, name, tuple(warnings))
    for name in (f"{model.stem}.yaml", f"{model.stem}.json", "data.yaml", "data.yml", "metadata.yaml", "infer_cfg.yml"):
        names = names_of(files.get(name))
        if names:
            return Sidecars(files, names, name, tuple(warnings))
    for name in ("inference.yml", "inference_config.json", "config.json"):
        value = files.get(name)
        names = names_of(value) if isinstance(value, Mapping) else ()
        if names:
            return Sidecars(files, names, name, tuple(warnings))
    return Sidecars(files, (), "", tuple(warnings))


def _load(path: Path) -> Any:
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError("too large")
    text = path.read_text(encoding="utf-8-sig")
    return json.loads(text) if path.suffix == ".json" else parse(text)
