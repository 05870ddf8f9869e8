"""The sample project."""

from __future__ import annotations

from pathlib import Path

from desktop_app.core.resources import resource
from desktop_app.hub.demo.sample import SampleProject, make_id, sample_category_schema


def test_ids_look_like_the_hubs_and_are_the_same_on_every_start():
    assert make_id("asset", "a.png") == make_id("asset", "a.png")
    assert make_id("asset", "a.png") != make_id("asset", "b.png")
    assert len(make_id("x")) == 24
    assert int(make_id("x"), 16) >= 0
    assert SampleProject().category_schema == SampleProject().category_schema


def test_every_tool_a_plugin_may_answer_is_in_the_schema():
    schema = sample_category_schema()
    tools = {tool["tool"] for tool in schema["tools"]}
    assert tools >= {
        "bounding-box", "rotated-bounding-box", "polygon", "segmentation", "polyline", "point", "brush", "ner",
    }  # fmt: skip
    boxes = {tool["title"]: tool["color"] for tool in schema["tools"] if tool["tool"] == "bounding-box"}
    assert boxes == {"Bolt": "#f44336", "Nut": "#2196f3", "Washer": "#4caf50"}
    assert [entry["tool"] for entry in schema["classifications"]] == ["radio"]
    assert [option["value"] for option in schema["classifications"][0]["options"]] == ["Bright", "Dim", "Uneven"]
    assert len(schema["relations"]) == 1
    everything = [*schema["tools"], *schema["classifications"], *schema["relations"]]
    assert len({entry["schemaId"] for entry in everything}) == len(everything)
    assert len({entry["color"] for entry in everything}) == len(everything)


def test_classes_are_mapped_by_name_and_those_without_a_tool_are_left_out():
    project = SampleProject()
    mapping = project.map_by_name(("bolt", "GEAR", "washer"))
    assert mapping == [
        {"schemaId": project.schema_id("Bolt"), "modelClass": "bolt"},
        {"schemaId": project.schema_id("Washer"), "modelClass": "washer"},
    ]
    assert project.schema_id("Gear") is None


def test_only_files_the_hub_takes_become_assets(pictures: Path):
    (pictures / "folder.png").mkdir()
    project = SampleProject()
    assert [path.name for path in project.files_in(pictures)] == ["a tray & more.png", "b.png", "c.PNG"]
    assert project.files_in(pictures / "missing") == []


def test_each_asset_has_a_task_and_the_batches_take_turns(pictures: Path, tmp_path: Path):
    project = SampleProject()
    for path in [*project.files_in(pictures), tmp_path / "note.txt", tmp_path / "scan.dcm"]:
        project.add(path)
    assert [asset.media_type for asset in project.assets] == [
        "image/png", "image/png", "image/png", "text/plain", "application/dicom",
    ]  # fmt: skip
    assert [asset.external_id for asset in project.pictures] == ["a tray & more.png", "b.png", "c.PNG"]
    morning, evening = (batch["_id"] for batch in project.batches)
    assert [asset.batches for asset in project.assets][:3] == [(morning,), (evening,), (morning,)]
    for asset in project.assets:
        assert project.task_of(asset).asset_id == asset.id
        assert project.asset(asset.id) is asset
    assert project.asset("nothing") is None


def test_the_app_ships_pictures_to_demonstrate_with():
    assert len(SampleProject().files_in(resource("demo", "assets"))) >= 3
