"""The job's object; how it arrives is tested with the server."""

from __future__ import annotations

import pytest

from desktop_app.hub.demo.job_event import asset_fields, job_object
from desktop_app.hub.demo.sample import SampleProject


@pytest.fixture
def project(pictures) -> SampleProject:
    project = SampleProject()
    project.add(pictures / "b.png")
    return project


def plain(project: SampleProject, mapping: object = None, **options: object) -> dict:
    return job_object(
        project, ("bolt", "gear"), mapping, **({"config": None, "workflow": False, "overwrite": None} | options)
    )


def test_every_job_has_a_session_and_a_key_of_its_own(project):
    one, other = plain(project), plain(project)
    assert one["session"] != other["session"]
    assert one["apiKey"] != other["apiKey"]
    del one["session"], one["apiKey"], other["session"], other["apiKey"]
    assert one == other


@pytest.mark.parametrize("overwrite", [None, True, False])
def test_overwrite_is_only_there_when_chosen(project, overwrite):
    job = plain(project, overwrite=overwrite)
    assert ("overwrite" in job) == (overwrite is not None)
    assert job.get("overwrite") is overwrite


def test_the_class_mapping(project):
    bolt = project.schema_id("Bolt")
    assert plain(project)["categorySchema"] is None
    assert plain(project, {})["categorySchema"] == []
    assert plain(project, "by name")["categorySchema"] == [{"schemaId": bolt, "modelClass": "bolt"}]
    assert plain(project, {"gear": "g"})["categorySchema"] == [{"schemaId": "g", "modelClass": "gear"}]


@pytest.mark.parametrize(
    ("generation", "workflow", "names"),
    [
        ("current", False, {"batches", "dataURL", "assetId", "taskId"}),
        ("current", True, {"batches", "dataURL", "assetId", "taskId"}),
        ("asset-id", False, {"batches", "assetId", "taskId"}),
        ("older", False, {"tags", "dataURL"}),
        ("older", True, {"tags", "dataURL", "labeltask"}),
    ],
)
def test_each_generation_names_the_asset_its_own_way(project, generation, workflow, names):
    fields = asset_fields(project, project.assets[0], "http://x", workflow=workflow, generation=generation)
    assert set(fields) == names
    assert fields.get("dataURL", "http://x") == "http://x"
    assert fields.get("taskId", next(iter(project.tasks))) in project.tasks


def test_without_an_asset_there_are_only_the_batches(project):
    assert asset_fields(project, None, None, workflow=False, generation="current") == {"batches": []}
    assert asset_fields(project, None, None, workflow=True, generation="older") == {"tags": []}
