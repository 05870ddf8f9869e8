from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QColor, QImage, QImageIOHandler, QImageWriter

from desktop_app.core.errors import AssetError
from desktop_app.core.job import JobDetail
from desktop_app.ui.asset.items import Layer, annotations_of
from desktop_app.ui.asset.look import Filter
from desktop_app.ui.asset.pictures import read_picture, read_preview
from desktop_app.ui.asset.scene import Scene


def test_hits(tools: Any, qapp: Any) -> None:
    scene = Scene.of(annotations_of(tools.detail()))
    wanted = Filter()
    assert scene.at(100, 80, 1, wanted) == 0
    assert scene.at(300, 120, 1, wanted) == 1
    assert scene.at(210, 190, 1, wanted) == 4
    assert scene.at(240, 220, 1, wanted) is None, "a hole is no part of the mask"
    assert scene.at(80, 309, 3, wanted) == 5, "near a line is on it"
    assert scene.at(80, 330, 3, wanted) is None
    assert scene.at(347, 61, 4, wanted) == 6
    assert scene.at(100, 80, 1, Filter(hidden=frozenset({"bolt"}))) is None
    assert scene.at(15, 15, 1, Filter(layers=frozenset({Layer.PREDICTIONS}), min_score=0.5)) is None
    assert scene.at(15, 15, 1, Filter(layers=frozenset({Layer.PREDICTIONS}), min_score=0.1)) is not None


def test_the_smaller_of_two_is_hit(qapp: Any) -> None:
    objects = [
        {"title": "big", "bounding-box": {"x": 0, "y": 0, "width": 100, "height": 100}},
        {"title": "small", "bounding-box": {"x": 40, "y": 40, "width": 10, "height": 10}},
    ]
    scene = Scene.of(annotations_of(JobDetail(answer={"objects": objects})))
    assert scene.at(45, 45, 1, Filter()) == 1
    assert scene.at(20, 20, 1, Filter()) == 0


def test_the_right_one_of_ten_thousand_boxes_is_hit(qapp: Any) -> None:
    objects = [
        {"title": "c", "bounding-box": {"x": n % 100 * 40, "y": n // 100 * 30, "width": 30, "height": 20}}
        for n in range(10_000)
    ]
    scene = Scene.of(annotations_of(JobDetail(answer={"objects": objects})))
    for n in range(100):
        assert scene.at(n * 40 + 5, 5, 1, Filter()) == n


def test_pictures_are_upright_by_their_exif(tmp_path: Path, qapp: Any) -> None:
    image = QImage(60, 40, QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    for x in range(60):
        image.setPixelColor(x, 0, QColor("blue"))
    path = tmp_path / "turned.jpg"
    writer = QImageWriter(str(path))
    writer.setQuality(100)
    writer.setTransformation(QImageIOHandler.Transformation.TransformationRotate90)
    assert writer.write(image)
    picture = read_picture(path)
    assert (picture.size.width(), picture.size.height()) == (40, 60)
    assert picture.levels[0].pixelColor(39, 30).blue() > 120, "the blue row is at the right after the turn"


def test_a_pyramid_down_to_a_small_level(tmp_path: Path, tools: Any, qapp: Any) -> None:
    picture = read_picture(tools.picture(tmp_path / "large.png", 2100, 900))
    assert [level.width() for level in picture.levels] == [2100, 1050, 525, 262]
    level, own = picture.level_for(0.3)
    assert level.width() == 1050
    assert own == pytest.approx(0.5)
    assert picture.level_for(2)[0] is picture.levels[0]


def test_large_pictures_have_a_preview(tmp_path: Path, tools: Any, qapp: Any) -> None:
    small = tools.picture(tmp_path / "small.jpg", 800, 600)
    assert read_preview(small) is None
    large = tools.picture(tmp_path / "large.jpg", 5000, 3000)
    preview = read_preview(large)
    assert preview is not None
    assert (preview.size.width(), preview.size.height()) == (5000, 3000)
    assert preview.levels[0].width() == 625


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0 broken"])
def test_what_is_no_picture_says_so(tmp_path: Path, qapp: Any, content: bytes) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(AssetError) as caught:
        read_picture(path)
    assert caught.value.remedy
