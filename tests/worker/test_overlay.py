from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from desktop_app.core.errors import AnswerError, AssetError, ModelError
from desktop_app.worker import overlay
from desktop_app.worker.overlay import draw

GREY = (200, 200, 200)


@pytest.fixture
def asset(tmp_path: Path) -> Path:
    path = tmp_path / "asset.png"
    Image.new("RGB", (1200, 900), GREY).save(path)
    return path


def drawn(asset: Path, objects: list[Any], **parts: Any) -> np.ndarray[Any, Any]:
    """Where the drawing differs from the plain picture, at the asset's size."""
    out = asset.parent / "out.png"
    draw(asset, {"objects": objects, "classifications": [], "relations": [], **parts}, out)
    with Image.open(out) as image:
        assert image.mode == "RGB"
        pixels = np.asarray(image).astype(int)
    changed: np.ndarray[Any, Any] = np.abs(pixels - np.array(GREY)).max(axis=2) > 3
    return changed


SQUARE = [[400, 300], [800, 300], [800, 700], [400, 700]]
HOLE = [[500, 400], [700, 400], [700, 600], [500, 600]]
TRIANGLE = [[20, 700], [90, 700], [90, 800]]

SHAPES: list[tuple[dict[str, Any], list[tuple[int, int]], list[tuple[int, int]]]] = [
    (
        {"bounding-box": {"x": 400, "y": 300, "width": 400, "height": 400}},
        [(400, 500), (800, 500), (600, 300), (600, 700), (600, 500)],
        [(380, 500), (820, 500), (600, 720)],
    ),
    # As the hub may send it: from the corner that was clicked first.
    ({"bounding-box": {"x": 800, "y": 700, "width": -400, "height": -400}}, [(400, 500), (600, 500)], [(820, 500)]),
    (
        {"rotated-bounding-box": {"x": 600, "y": 200, "width": 300, "height": 200, "rotation": 90}},
        [(600, 350), (400, 350), (500, 350)],
        [(700, 250), (380, 350), (500, 520)],
    ),
    ({"polygon": SQUARE}, [(600, 500), (800, 500)], [(820, 500)]),
    ({"polyline": [[100, 500], [1000, 500], [1000, 800]]}, [(500, 500), (1000, 700)], [(500, 600), (560, 640)]),
    ({"point": [600, 450]}, [(600, 450)], [(570, 450), (600, 480)]),
    (
        {"segmentation": {"zones": [{"region": SQUARE, "holes": [HOLE]}, {"region": TRIANGLE}]}},
        [(450, 500), (750, 500), (500, 500), (80, 750)],
        [(600, 500), (560, 560), (300, 750)],
    ),
    (
        {"pdf": {"x1": 0.25, "y1": 0.5, "x2": 0.75, "y2": 0.75, "width": 1, "height": 1, "pageNumber": 1}},
        [(300, 550), (900, 550), (600, 600)],
        [(250, 550), (950, 550)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "inked", "bare"), SHAPES, ids=[next(iter(shape)) for shape, _, _ in SHAPES])
def test_every_shape_lies_where_it_is(
    asset: Path, shape: dict[str, Any], inked: list[tuple[int, int]], bare: list[tuple[int, int]]
) -> None:
    changed = drawn(asset, [{"title": "thing", "metadata": {"confidence": 0.5}, **shape}])
    assert all(changed[y, x] for x, y in inked), [place for place in inked if not changed[place[1], place[0]]]
    assert not any(changed[y, x] for x, y in bare), [place for place in bare if changed[place[1], place[0]]]


def test_the_label_stands_above_its_shape_or_where_there_is_room(asset: Path) -> None:
    box = {"x": 400, "y": 300, "width": 400, "height": 400}
    plain, labelled = drawn(asset, [{"bounding-box": box}]), drawn(asset, [{"title": "washer 12", "bounding-box": box}])
    assert labelled[270:299].sum() > plain[270:299].sum()
    # At the upper edge it stands within the shape: never outside of the picture, and not far away.
    top = drawn(asset, [{"title": "washer 12", "bounding-box": {**box, "y": 0}}])
    assert not top[405:].any()
    assert top.sum() > drawn(asset, [{"bounding-box": {**box, "y": 0}}]).sum() * 0.99
    right = drawn(asset, [{"title": "a long name at the edge", "point": [1199, 450]}])
    assert right[:, 1190:].sum() > 0


def test_labels_do_not_cover_each_other(asset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[tuple[float, float, float, float]] = []
    tag = overlay._Drawing._tag

    def noted(self: Any, pen: Any, place: Any, *rest: Any) -> None:
        places.append(place)
        tag(self, pen, place, *rest)

    monkeypatch.setattr(overlay._Drawing, "_tag", noted)
    drawn(asset, [{"title": f"thing {n}", "point": [600, 450]} for n in range(5)])
    assert len(places) == 5
    for number, one in enumerate(places):
        assert all(overlay._overlap(one, other) == 0 for other in places[number + 1 :])


def test_classifications_stand_in_the_corner(asset: Path) -> None:
    changed = drawn(
        asset, [], classifications=[{"title": "Animal", "answer": "cat"}, {"schemaId": "s", "answer": ["a", "b"]}]
    )
    assert changed[8:25, 10:100].mean() > 0.9
    assert not changed[:, 400:].any()
    assert not changed[150:].any()


def test_relations_join_their_objects(asset: Path) -> None:
    objects = [{"objectId": "a", "point": [200, 800]}, {"objectId": "b", "point": [1000, 800]}]
    link = {"from": "a", "to": "b", "direction": "bidirectional"}
    assert not drawn(asset, objects)[800, 600]
    assert drawn(asset, objects, relations=[link])[800, 600]
    assert drawn(asset, objects, relations=[{"group": ["a", "b"]}])[800, 600]
    assert not drawn(asset, objects, relations=[{"from": "a", "to": "gone"}])[800, 600]


def test_exif_orientation_is_followed(tmp_path: Path) -> None:
    asset, out = tmp_path / "a.jpg", tmp_path / "out.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees
    Image.new("RGB", (900, 1200), GREY).save(asset, exif=exif, quality=95)
    told = draw(asset, {"objects": [{"polyline": [[1100, 100], [1100, 800]]}]}, out)
    assert (told["width"], told["height"]) == (1200, 900)
    with Image.open(out) as image:
        assert image.size == (1200, 900)
        pixels = np.asarray(image).astype(int)
    assert abs(pixels[450, 1100] - 200).max() > 30
    assert abs(pixels[450, 100] - 200).max() < 8


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((16, 12), (900, 675)), ((1, 1), (900, 900)), ((1200, 900), (1200, 900)), ((8192, 2048), (4096, 1024))],
)
def test_it_is_readable_at_any_size(tmp_path: Path, size: tuple[int, int], wanted: tuple[int, int]) -> None:
    asset, out = tmp_path / "a.png", tmp_path / "out.png"
    Image.new("RGB", size, GREY).save(asset)
    box = {"x": size[0] / 4, "y": size[1] / 4, "width": size[0] / 2, "height": size[1] / 2}
    told = draw(asset, {"objects": [{"title": "thing", "bounding-box": box}]}, out)
    assert (told["width"], told["height"], told["objects"]) == (*wanted, 1)
    with Image.open(out) as image:
        pixels = np.asarray(image).astype(int)
    changed = np.abs(pixels - 200).max(axis=2) > 30
    columns = np.nonzero(changed[wanted[1] // 2])[0]
    assert columns.min() == pytest.approx(wanted[0] / 4, abs=8)
    assert columns.max() == pytest.approx(wanted[0] * 3 / 4, abs=8)


def test_what_has_no_place_is_counted_and_named_in_the_corner(asset: Path) -> None:
    out = asset.parent / "out.png"
    answer = {"objects": [
        {"title": "span", "ner": {"start": 1, "end": 2}},
        {"title": "frame 7", "page": 7, "point": [600, 450]},
        {"title": "odd", "hexagon": []},
        {"title": "here", "page": 0, "point": [900, 450]},
    ]}  # fmt: skip
    assert draw(asset, answer, out) == {"width": 1200, "height": 900, "objects": 1, "left_out": 3}
    with Image.open(out) as image:
        assert image.getpixel((600, 450)) == GREY
        assert image.getpixel((900, 450)) != GREY


@pytest.mark.parametrize(
    "objects",
    [
        [{"bounding-box": {"x": 1e11, "y": -1e11, "width": 1e11, "height": 5}}],
        [{"polygon": [[-1e9, -1e9], [1e9, -1e9], [0, 1e9]]}],
        [{"title": "名前 😀 Größe\n\x00" + "x" * 5000, "point": [5, 5]}],
        [{"title": 7, "metadata": "x", "bounding-box": None}, None, "text", {"point": [1]}],
        [{"title": f"n{n}", "point": [n % 1200, n % 900]} for n in range(300)],
    ],
)
def test_strange_answers_are_drawn_as_far_as_they_can_be(asset: Path, objects: list[Any]) -> None:
    drawn(asset, objects, classifications=[{"answer": n} for n in range(100)], relations=[None, {}])


def test_failures_are_said_in_one_sentence(asset: Path, tmp_path: Path) -> None:
    with pytest.raises(AnswerError):
        draw(asset, None, tmp_path / "out.png")
    text = tmp_path / "note.png"
    text.write_text("no picture")
    with pytest.raises(AssetError, match=r"note\.png|picture"):
        draw(text, {"objects": []}, tmp_path / "out.png")
    with pytest.raises(ModelError) as error:
        draw(asset, {"objects": []}, tmp_path / "none" / "out.png")
    assert str(tmp_path / "none" / "out.png") in str(error.value)
    folder = tmp_path / "folder.png"
    folder.mkdir()
    with pytest.raises(ModelError):
        draw(asset, {"objects": []}, folder)
    assert {path.name for path in tmp_path.iterdir()} == {"asset.png", "note.png", "folder.png"}
