"""Every mode and trap of picture files."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desktop_app.core.errors import AssetError
from desktop_app.worker.onnx.geometry import plan
from desktop_app.worker.onnx.picture import Picture, read_picture
from desktop_app.worker.onnx.spec import InputSpec


def colour(picture: Picture) -> tuple[int, ...]:
    value = picture.resized(picture.width, picture.height).getpixel((0, 0))
    assert isinstance(value, tuple)
    return value


def save(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


MODES: dict[str, tuple[Callable[[], Image.Image], str, tuple[int, int, int]]] = {
    "grey": (lambda: Image.new("L", (9, 5), 100), "png", (100, 100, 100)),
    "bits": (lambda: Image.new("1", (9, 5), 1), "png", (255, 255, 255)),
    "palette": (lambda: Image.new("RGB", (9, 5), (10, 200, 30)).quantize(4), "png", (10, 200, 30)),
    "alpha": (lambda: Image.new("RGBA", (9, 5), (255, 0, 0, 0)), "png", (255, 255, 255)),
    "half clear": (lambda: Image.new("RGBA", (9, 5), (0, 0, 0, 128)), "png", (127, 127, 127)),
    "grey alpha": (lambda: Image.new("LA", (9, 5), (50, 255)), "png", (50, 50, 50)),
    "16 bits": (lambda: Image.fromarray(np.full((5, 9), 0x8080, dtype=np.uint16)), "png", (128, 128, 128)),
    "16 bits tiff": (lambda: Image.fromarray(np.full((5, 9), 0x4040, dtype=np.uint16)), "tiff", (64, 64, 64)),
    "cmyk": (lambda: Image.new("CMYK", (9, 5), (0, 255, 255, 0)), "tiff", (255, 0, 0)),
    "float": (lambda: Image.fromarray(np.full((5, 9), 77.0, dtype=np.float32)), "tiff", (77, 77, 77)),
    "webp": (lambda: Image.new("RGB", (9, 5), (10, 200, 30)), "webp", (10, 200, 30)),
    "bmp": (lambda: Image.new("RGB", (9, 5), (10, 200, 30)), "bmp", (10, 200, 30)),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    make, suffix, expected = MODES[mode]
    options = {"lossless": True} if suffix == "webp" else {}
    picture = read_picture(save(make(), tmp_path / f"p.{suffix}", **options))
    assert (picture.width, picture.height) == (9, 5)
    assert picture.image.mode == "RGB"
    assert np.abs(np.array(colour(picture)) - expected).max() <= 1


def test_cmyk_jpeg_has_its_colours(tmp_path: Path) -> None:
    picture = read_picture(save(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), tmp_path / "p.jpg", quality=95))
    assert np.abs(np.array(colour(picture)) - (255, 0, 0)).max() <= 4


def test_values_beyond_a_byte_are_spread_and_said(tmp_path: Path) -> None:
    values = np.linspace(-1000, 3000, 45, dtype=np.float32).reshape(5, 9)
    picture = read_picture(save(Image.fromarray(values), tmp_path / "p.tiff"))
    assert np.asarray(picture.image).min() == 0
    assert np.asarray(picture.image).max() == 255
    assert any("spread" in note for note in picture.notes)


def test_animation_gives_its_first_frame_and_says_so(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), value) for value in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    path = tmp_path / "p.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    picture = read_picture(path)
    assert colour(picture) == (255, 0, 0)
    assert "3 frames" in picture.notes[0]


def test_pages_of_a_tiff(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (8, 8 + index), (index * 100, 0, 0)) for index in range(3)]
    path = tmp_path / "p.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert read_picture(path).height == 8
    picture = read_picture(path, page=2)
    assert (picture.height, colour(picture)) == (10, (200, 0, 0))
    with pytest.raises(AssetError, match="3 pages, page 3") as caught:
        read_picture(path, page=3)
    assert "0 to 2" in caught.value.remedy


def test_single_pixel(tmp_path: Path) -> None:
    picture = read_picture(save(Image.new("RGB", (1, 1), (7, 8, 9)), tmp_path / "p.png"))
    assert picture.resized(320, 320).getpixel((319, 0)) == (7, 8, 9)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_reduced_decoding_keeps_places(tmp_path: Path, orientation: int) -> None:
    # Odd sides: at an eighth the last column stands for part of a block only.
    stored = np.zeros((2405, 3213, 3), dtype=np.uint8)
    stored[800:1600, 800:2400] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(Image.fromarray(stored), tmp_path / "p.jpg", exif=exif, quality=90)
    small = read_picture(path, target=(100, 80))
    full = read_picture(path)
    assert small.reduced == 8
    assert small.image.size[0] < 500
    assert full.reduced == 1
    assert (small.width, small.height) == (full.width, full.height)
    a = np.asarray(small.resized(160, 120), dtype=float)
    b = np.asarray(full.resized(160, 120), dtype=float)
    assert np.abs(a - b).mean() < 1.0


def test_huge_jpeg_is_decoded_small_and_fast(tmp_path: Path) -> None:
    path = save(Image.new("RGB", (12000, 9000), (40, 90, 140)), tmp_path / "p.jpg", quality=50)
    picture = read_picture(path, target=(640, 640))
    assert (picture.width, picture.height, picture.reduced) == (12000, 9000, 8)
    assert np.abs(np.array(picture.resized(640, 480).getpixel((5, 5))) - (40, 90, 140)).max() < 4


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "bomb": (lambda d: write(d / "p.png", png_header(60000, 60000)), "60000 × 60000"),
    "text": (lambda d: write(d / "p.jpg", b"hello, this is no picture"), "text, not a picture"),
    "svg": (lambda d: write(d / "p.svg", b"<?xml version='1.0'?><svg xmlns='x'/>"), "SVG"),
    "pdf": (lambda d: write(d / "p.png", b"%PDF-1.7\n\0\0"), "PDF"),
    "web page": (lambda d: write(d / "p.png", b"<!DOCTYPE html><html>"), "web page"),
    "binary": (lambda d: write(d / "p.png", bytes(range(256)) * 4), "not a picture that can be read"),
    "empty": (lambda d: write(d / "p.png", b""), "empty"),
    "missing": (lambda d: d / "nothing.png", "not there"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_picture_is_said_in_a_sentence(kind: str, tmp_path: Path) -> None:
    make, text = BAD[kind]
    with pytest.raises(AssetError, match=text) as caught:
        read_picture(make(tmp_path))
    assert caught.value.remedy
    assert caught.value.where


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "gif", "bmp"])
def test_truncated_files(suffix: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    whole = save(Image.fromarray(noise), tmp_path / f"p.{suffix}").read_bytes()
    with pytest.raises(AssetError, match=r"damaged or cut short|not a picture"):
        read_picture(write(tmp_path / f"cut.{suffix}", whole[: len(whole) // 2]))


def test_transparent_palette(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    picture = read_picture(save(image, tmp_path / "p.png", transparency=0))
    assert colour(picture) == (255, 255, 255)


@pytest.mark.parametrize(("orientation", "width"), [(1, 640), (6, 384)])
def test_a_frame_is_decoded_at_half_for_the_size_it_takes(tmp_path: Path, orientation: int, width: int) -> None:
    path = tmp_path / "frame.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (1920, 1080)).save(path, exif=exif)
    spec = InputSpec("x", width, 640)
    picture = read_picture(path, target=lambda width, height: plan(spec, width, height).picture_size)
    assert picture.reduced == 2
    assert picture.image.size == (960, 540)
