from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from bundle import archive


def _plain(*members: tuple[str, bytes]) -> bytes:
    content = b"!<arch>\n"
    for name, data in members:
        content += (
            f"{name:<16}{1:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)
        )
    return content


def test_members_are_compressed_and_in_their_places(tmp_path: Path) -> None:
    plain, package = tmp_path / "plain", tmp_path / "deb"
    data = bytes(range(256)) * 9000 + b"!"
    plain.write_bytes(_plain(("debian-binary", b"2.0\n"), ("control.tar", b"c" * 101), ("data.tar", data)))
    archive.squeeze(plain, package, archive.xz_filters("x86_64"))
    content = package.read_bytes()
    assert content.startswith(b"!<arch>\ndebian-binary   0 ")
    found, place = {}, 8
    while place < len(content):
        size = int(content[place + 48 : place + 58])
        found[content[place : place + 16].decode().strip()] = content[place + 60 : place + 60 + size]
        place += 60 + size + size % 2
    assert list(found) == ["debian-binary", "control.tar.xz", "data.tar.xz"]
    assert found["debian-binary"] == b"2.0\n"
    assert lzma.decompress(found["control.tar.xz"]) == b"c" * 101
    assert lzma.decompress(found["data.tar.xz"]) == data


def test_only_machines_with_that_code_get_the_filter_for_it() -> None:
    assert archive.xz_filters("x86_64")[0] == {"id": lzma.FILTER_X86}
    assert [item["id"] for item in archive.xz_filters("aarch64")] == [lzma.FILTER_LZMA2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\3\4", "no archive"),
        (_plain(("evil", b"x")), "holds evil"),
        (_plain(("data.tar", b"abc"))[:-3], "cut short"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, words: str) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        archive.squeeze(plain, tmp_path / "deb", archive.xz_filters())
