"""Compresses the Linux packages harder than the tools that write them."""

from __future__ import annotations

import lzma
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

_MAGIC = b"!<arch>\n"
_HEAD = 60


def xz_filters(machine: str = platform.machine()) -> list[dict[str, int]]:
    """How xz packs programs for a machine: most of them is machine code, which has a filter of its own."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9}]
    return [{"id": lzma.FILTER_X86}, *filters] if machine == "x86_64" else filters


def squeeze(plain: Path, package: Path, filters: list[dict[str, int]]) -> None:
    """Compresses the members of an uncompressed .deb; dpkg takes any stream that liblzma can read.

    `dpkg-deb` itself has no way to ask for a filter. The control member stays small and without one.

    Raises:
        ValueError: it is no .deb as `dpkg-deb -Znone` writes it.
    """
    with plain.open("rb") as source, package.open("wb") as target:
        if source.read(len(_MAGIC)) != _MAGIC:
            raise ValueError(f"{plain.name} is no archive")
        target.write(_MAGIC)
        for name, size in _members(source):
            if name == "debian-binary":
                _member(target, name, [source.read(size)], None)
            elif name in ("control.tar", "data.tar"):
                chosen = filters if name == "data.tar" else [{"id": lzma.FILTER_LZMA2, "preset": 6}]
                _member(target, f"{name}.xz", _chunks(source, size), lzma.LZMACompressor(filters=chosen))
            else:
                raise ValueError(f"{plain.name} holds {name}")
            source.seek(size % 2, 1)


def _members(source: BinaryIO) -> Iterator[tuple[str, int]]:
    while len(head := source.read(_HEAD)) == _HEAD:
        yield head[:16].decode("ascii").strip().rstrip("/"), int(head[48:58])


def _chunks(source: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        chunk = source.read(min(size, 1 << 20))
        if not chunk:
            raise ValueError("the archive is cut short")
        size -= len(chunk)
        yield chunk


def _member(target: BinaryIO, name: str, content: Iterable[bytes], packer: lzma.LZMACompressor | None) -> None:
    head = target.tell()
    target.write(bytes(_HEAD))
    target.writelines(packer.compress(chunk) if packer else chunk for chunk in content)
    if packer:
        target.write(packer.flush())
    end = target.tell()
    size = end - head - _HEAD
    target.seek(head)
    # Name, time, owner, group, mode, size: the time is left at 0, so that equal content makes equal packages.
    target.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{size:<10}`\n".encode("ascii"))
    target.seek(end)
    target.write(b"\n" * (size % 2))
