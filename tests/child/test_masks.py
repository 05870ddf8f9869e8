from __future__ import annotations

import gzip
import io
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from desktop_app.child import masks

GREY = np.array([[0, 1, 0.5], [2, 0, 0]])
RGB = np.array([[[0, 0, 0], [255, 0, 0]], [[0, 0, 7], [1, 2, 3]]], dtype=np.uint8)
RGBA = np.arange(2 * 2 * 4, dtype=np.uint8).reshape(2, 2, 4)
VOLUME = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture(params=["numpy", "lists"])
def as_given(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Arrays of numpy's, or nested lists in an interpreter that has no np."""
    if request.param == "lists":
        monkeypatch.setattr(masks, "_numpy", lambda: None)
        return lambda array: array.tolist()
    return lambda array: array


def _pixels(data: bytes) -> Any:
    return np.array(Image.open(io.BytesIO(data)))


def test_a_flat_array_is_painted_white_where_it_is_positive(as_given: Any) -> None:
    pixels = _pixels(masks.write_png(masks.picture(as_given(GREY))))
    assert pixels.shape == (2, 3, 4)
    assert (pixels == np.where(GREY[..., None] > 0, 255, 0)).all()


def test_colours_are_opaque_and_black_is_transparent(as_given: Any) -> None:
    pixels = _pixels(masks.write_png(masks.picture(as_given(RGB))))
    assert (pixels[..., :3] == RGB).all()
    assert pixels[..., 3].tolist() == [[0, 255], [255, 255]]


def test_rgba_is_taken_as_it_is(as_given: Any) -> None:
    assert (_pixels(masks.write_png(masks.picture(as_given(RGBA)))) == RGBA).all()


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (2, 2, 5), (1, 1, 1, 1)])
def test_other_shapes_are_no_mask(as_given: Any, shape: Any) -> None:
    with pytest.raises(masks.MaskError):
        masks.picture(as_given(np.ones(shape)))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
def test_pngs_of_others_are_read(mode: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (23, 31, 4), dtype=np.uint8)
    image = (
        Image.fromarray(noise, "RGBA")
        if mode == "RGBA"
        else Image.fromarray(noise, "RGBA").convert("RGB").convert(mode)
    )
    gradient = Image.linear_gradient("L").resize((31, 23)).convert(image.mode)
    for picture in (image, gradient):  # noise and gradients make writers choose different filters
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", optimize=True)
        read = masks.read_png(buffer.getvalue())
        expected = np.array(Image.open(io.BytesIO(buffer.getvalue())).convert("RGBA"))
        assert (np.frombuffer(read.rgba, np.uint8).reshape(23, 31, 4) == expected).all()


def test_what_is_no_mask_is_refused() -> None:
    buffer = io.BytesIO()
    Image.new("1", (4, 4)).save(buffer, "PNG")
    good = masks.write_png(masks.picture([[1]]))
    for data in (b"", b"GIF89a", buffer.getvalue(), good[:30], good[:45] + b"\xff" * 20):
        with pytest.raises(masks.MaskError):
            masks.read_png(data)


def test_new_paint_goes_over_old(as_given: Any) -> None:
    old = masks.picture(as_given(RGB))
    new = masks.picture(as_given(np.array([[1, 0], [0, 0]])))
    merged = _pixels(masks.write_png(masks.over(new, old)))
    assert merged[0, 0].tolist() == [255, 255, 255, 255]
    assert merged[0, 1].tolist() == [255, 0, 0, 255]
    with pytest.raises(masks.MaskError, match="the task's mask is 2 x 2 pixels and the new one 3 x 2"):
        masks.over(masks.picture(as_given(GREY)), old)


def test_volumes(as_given: Any) -> None:
    size, voxels = masks.volume(as_given(VOLUME))
    assert size == (4, 3, 2)
    header, _, body = masks.write_nrrd(size, voxels).partition(b"\n\n")
    assert header.splitlines() == [b"NRRD0005", b"type: uint8", b"encoding: gzip", b"dimension: 3", b"sizes: 4 3 2"]
    assert gzip.decompress(body) == VOLUME.tobytes()
    with pytest.raises(masks.MaskError, match="3 dimensions, not 2"):
        masks.volume(as_given(GREY))


@pytest.mark.parametrize("ending", [b"\n\n", b"\r\n\r\n"])
@pytest.mark.parametrize("encoding", ["gzip", "raw"])
def test_volumes_are_merged_voxel_by_voxel(as_given: Any, ending: bytes, encoding: str) -> None:
    old = np.full((2, 3, 4), 9, np.uint8)
    header = (
        b"NRRD0004\n# made elsewhere\ntype: unsigned char\ndimension: 3\nsizes: 4 3 2\nencoding: " + encoding.encode()
    )
    body = old.tobytes() if encoding == "raw" else gzip.compress(old.tobytes())
    size, voxels = masks.volume(as_given(VOLUME))
    merged = masks.merge_nrrd(header + ending + body, size, voxels)
    assert merged.startswith(header + ending)
    data = merged[len(header + ending) :]
    data = data if encoding == "raw" else gzip.decompress(data)
    assert data == np.where(VOLUME != 0, VOLUME, 9).astype(np.uint8).tobytes()
    with pytest.raises(masks.MaskError, match="has size"):
        masks.merge_nrrd(header + ending + body, (1, 2, 3), b"123456")
    for broken in (b"no nrrd", header, header + ending + body[:5]):
        with pytest.raises(masks.MaskError):
            masks.merge_nrrd(broken, size, voxels)


def test_numpy_is_never_imported_for_a_script() -> None:
    assert "numpy" in sys.modules
    assert masks._numpy() is np
