"""Whose modules a script gets: the published package's where it is installed, ours in place of what would connect."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

LOOK = """
import {module}.sdk, {module}.plugins, {module}.plugin_logger, {module}.models.enums
from {module}.models.label_category import Tool
WHERE = {{name: getattr({module}, name).__file__ for name in ("sdk", "plugins", "plugin_logger")}}
def callback(*args, **data):
    return {{"objects": [], "where": WHERE, "models": {module}.models.enums.__file__}}
{module}.plugins.run({module}.plugins.ModelPlugin(id="p", secret="s", callback=callback))
"""


@pytest.mark.parametrize("module", ["ango", "imerit_ango"])
def test_without_the_package_all_is_ours(make_child: Any, module: str) -> None:
    child = make_child(LOOK.format(module=module))
    assert child.loaded()["client"] is None
    returned = child.returned()
    for path in (*returned["where"].values(), returned["models"]):
        assert f"/child/compat/{module}/" in path


def test_a_script_that_has_the_clients_name(make_child: Any) -> None:
    child = make_child(
        {"ango.py": "", "plugin.py": "from ango.plugins import ModelPlugin, run\nrun(ModelPlugin('p', 's', print))\n"}
    )
    assert child.loaded()["kind"] == "model"


def test_packages_of_other_names_are_left_alone(make_child: Any) -> None:
    child = make_child(
        {
            "ango_helpers/__init__.py": "VALUE = 1\n",
            "ango_helpers/plugins.py": "VALUE = 2\n",
            "plugin.py": (
                "import ango_helpers, ango_helpers.plugins\nfrom ango.plugins import ModelPlugin, run\n"
                "run(ModelPlugin('p', 's', lambda d: {'objects': [ango_helpers.VALUE, ango_helpers.plugins.VALUE]}))\n"
            ),
        }
    )
    child.loaded()
    assert child.returned() == {"objects": [1, 2]}


@pytest.mark.peers
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("requirement", "module", "version"),
    [("ango==1.1.6", "ango", "1.1.6"), ("ango==1.4.10", "imerit_ango", "1.4.10")],
)
async def test_with_the_package_its_sdk_and_models_are_used(
    make_child: Any, published_client: Any, requirement: str, module: str, version: str
) -> None:
    python: Path = await asyncio.to_thread(published_client, requirement)

    def look() -> None:
        child = make_child(LOOK.format(module=module), python=python)
        assert child.loaded()["client"] == version
        returned = child.returned()
        assert "site-packages" in returned["where"]["sdk"]
        assert "site-packages" in returned["models"]
        assert f"/child/compat/{module}/" in returned["where"]["plugins"]
        assert f"/child/compat/{module}/" in returned["where"]["plugin_logger"]
        # The other name is not installed there: it is ours.
        other = "imerit_ango" if module == "ango" else "ango"
        child = make_child(LOOK.format(module=other), python=python)
        child.loaded()
        assert f"/child/compat/{other}/" in child.returned()["where"]["sdk"]

    await asyncio.to_thread(look)


@pytest.mark.peers
@pytest.mark.timeout(900)
async def test_the_packages_own_answers_are_read(make_child: Any, published_client: Any) -> None:
    python: Path = await asyncio.to_thread(published_client, "ango==1.4.10")
    text = (
        "from imerit_ango.plugins import ModelPlugin, run\n"
        "from imerit_ango.models.annotate import AnnotationPayload, Answer\n"
        "def callback(data):\n    return AnnotationPayload(Answer([{'point': [1, 2]}]), brush_data_url='b')\n"
        "run(ModelPlugin('p', 's', callback))\n"
    )

    def look() -> None:
        child = make_child(text, python=python)
        child.loaded()
        assert child.returned() == {
            "answer": {"objects": [{"point": [1, 2]}], "classifications": [], "relations": []},
            "brushDataUrl": "b",
            "medicalBrushDataUrl": None,
        }

    await asyncio.to_thread(look)
