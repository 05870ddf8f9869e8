from __future__ import annotations

from pathlib import Path

import pytest

from desktop_app.runner.imports import required_imports


def _needs(folder: Path, **files: str) -> tuple[str, ...]:
    for name, text in files.items():
        path = folder / (name + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return required_imports(folder / "plugin.py")


def test_modules_of_others_are_needed(tmp_path: Path) -> None:
    text = (
        "import torch.nn as nn, os\nfrom ango.plugins import run\ndef f():\n    import cv2\nclass C:\n    import yaml\n"
    )
    assert _needs(tmp_path, plugin=text) == ("cv2", "os", "torch", "yaml")


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import cupy\nexcept ImportError:\n    import cunumpy\n",
        "try:\n    import cupy\nexcept (KeyError, ModuleNotFoundError): pass\n",
        "try:\n    import cupy\nexcept: pass\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import cupy\n",
    ],
)
def test_what_it_can_do_without_is_not(tmp_path: Path, text: str) -> None:
    assert set(_needs(tmp_path, plugin=text)) <= {"typing"}


def test_other_blocks_are_looked_into(tmp_path: Path) -> None:
    text = (
        "try:\n    import a\nexcept KeyError:\n    import b\nelse:\n    import c\nfinally:\n    import d\n"
        "if x:\n    import e\nelse:\n    import f\nwith x:\n    import g\n"
    )
    assert _needs(tmp_path, plugin=text) == ("a", "b", "c", "d", "e", "f", "g")


def test_own_modules_are_followed(tmp_path: Path) -> None:
    files = {
        "plugin": "import helper\nfrom package.inner import x\nfrom .beside import y\nimport plugin\n",
        "helper": "import numpy\nimport helper\n",
        "package/inner": "import torch\nfrom . import other\n",
        "package/other": "import never_asked_for_as_such\n",
        "package/__init__": "import scipy\n",
        "beside": "import PIL\n",
    }
    assert _needs(tmp_path, **files) == ("PIL", "numpy", "scipy", "torch")


def test_what_cannot_be_read_needs_nothing(tmp_path: Path) -> None:
    assert _needs(tmp_path, plugin="import helper\nimport a\n", helper="def broken(:\n") == ("a",)
    assert required_imports(tmp_path / "missing.py") == ()
