"""Assets on disk."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from desktop_app.jobs.cache import SUFFIXES, Cache, Cached, media_type_of


def put(cache: Cache, data: bytes, declared: str = "", name: str = "") -> Cached:
    incoming = cache.incoming()
    for start in range(0, len(data), 7):
        incoming.write(data[start : start + 7])
    return incoming.keep(declared, name)


def test_a_file_is_named_by_its_content(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    cached = put(cache, b"\x89PNG\r\n\x1a\nrest", "text/html", "../../evil.sh")
    digest = hashlib.sha256(b"\x89PNG\r\n\x1a\nrest").hexdigest()
    assert cached.path == tmp_path / "cache" / digest[:2] / f"{digest}.png"
    assert cached.path.read_bytes() == b"\x89PNG\r\n\x1a\nrest"
    assert (cached.media_type, cached.size) == ("image/png", 12)
    assert put(cache, b"\x89PNG\r\n\x1a\nrest").path == cached.path
    assert sorted(p.name for p in (tmp_path / "cache").rglob("*") if p.is_file()) == [cached.path.name]


def test_what_is_thrown_away_leaves_nothing(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    incoming = cache.incoming()
    incoming.write(b"half")
    incoming.discard()
    incoming.discard()
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_nobody_else_may_look(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    assert cache.folder.stat().st_mode & 0o077 == 0
    assert put(cache, b"x").path.stat().st_mode & 0o077 == 0


def test_the_one_not_used_for_longest_goes_first(tmp_path: Path):
    cache = Cache(tmp_path / "cache", limit=1000)
    assert cache.over_limit
    files = [put(cache, bytes([index]) * 300) for index in range(3)]
    cache.make_room()
    assert not cache.over_limit
    now = time.time()
    for index, cached in enumerate(files):
        os.utime(cached.path, (now - 100 + index, now - 100 + index))
    assert cache.touch(files[0].path)
    put(cache, b"\xff" * 300)
    assert cache.over_limit
    cache.make_room()
    assert [cached.path.exists() for cached in files] == [True, False, True]
    assert not cache.over_limit
    assert not cache.touch(files[1].path)


def test_one_file_larger_than_the_limit_stays_while_it_is_the_newest(tmp_path: Path):
    cache = Cache(tmp_path / "cache", limit=10)
    cached = put(cache, b"x" * 100)
    cache.make_room()
    assert cached.path.exists()


def test_what_a_crash_left_is_removed_a_day_later(tmp_path: Path):
    cache = Cache(tmp_path / "cache")
    (cache.folder / "incoming-old").write_bytes(b"x")
    (cache.folder / "incoming-new").write_bytes(b"x")
    os.utime(cache.folder / "incoming-old", (time.time() - 100_000,) * 2)
    cache.make_room()
    assert [path.name for path in cache.folder.iterdir()] == ["incoming-new"]


@pytest.mark.parametrize(
    ("head", "declared", "name", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "", "", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "", "", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "", "", "audio/wav"),
        (b"\0" * 128 + b"DICM", "", "", "application/dicom"),
        (b"\0\0\0\x20ftypqt  ", "", "", "video/quicktime"),
        (b"\0\0\0\x20ftypisom", "", "", "video/mp4"),
        (b"%PDF-1.7", "text/html", "x.txt", "application/pdf"),
        (b"hello", "text/plain; charset=utf-8", "", "text/plain"),
        (b"hello", "AUDIO/X-WAV", "", "audio/wav"),
        (b"hello", "", "notes.MD", "text/markdown"),
        # Nobody is believed who calls something a picture that is none.
        (b"<html>", "image/png", "x.png", ""),
        (b"<html>", "text/html", "x.jpg", ""),
        (b"", "", "", ""),
        (b"hello", "x/../../y", "..", ""),
    ],
)
def test_the_kind_of_a_file(head, declared, name, expected):
    assert media_type_of(head, declared, name) == expected
    assert expected == "" or expected in SUFFIXES
