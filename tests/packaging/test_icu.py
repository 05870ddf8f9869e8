from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from bundle import icu

HEADER = struct.pack("<HBBHHBBBB4s4B4B", 144, 0xDA, 0x27, 20, 0, 0, 0, 2, 0, b"CmnD", 1, 0, 0, 0, 73, 1, 0, 0).ljust(
    144
)
KEPT = {"coll/de.res": b"how German sorts", "coll/root.res": b"s" * 33, "root.res": b"root"}
GONE = {
    "brkitr/thaidict.dict": b"w" * 50,
    "de.res": b"d",
    "de_AT.res": b"a",
    "gb18030.cnv": b"c" * 20,
    "zone/de.res": b"z",
}


def _block(items: dict[str, bytes]) -> bytes:
    """ICU's format as its own tool writes it, the names in order."""
    names = sorted(items)
    where = 4 + 8 * len(names)
    data = where + sum(len(f"icudt73l/{name}") + 1 for name in names)
    table, texts, body = b"", b"", b""
    data += -data % 16
    for name in names:
        table += struct.pack("<II", where + len(texts), data + len(body))
        texts += f"icudt73l/{name}".encode() + b"\0"
        body += items[name] + bytes(-len(items[name]) % 16)
    return HEADER + (struct.pack("<I", len(names)) + table + texts).ljust(data, b"\xaa") + body


def _read(block: bytes) -> dict[str, bytes]:
    """The items as ICU finds them: through the table, each up to the next."""
    (count,) = struct.unpack_from("<I", block, 144)
    pairs = [struct.unpack_from("<II", block, 148 + 8 * index) for index in range(count)]
    ends = [pair[1] for pair in pairs[1:]] + [len(block) - 144]
    found = {}
    for (name, data), end in zip(pairs, ends, strict=True):
        assert data % 16 == 0, "ICU reads its items in place: they must be aligned"
        text = block[144 + name : block.index(b"\0", 144 + name)].decode()
        found[text.removeprefix("icudt73l/")] = block[144 + data : 144 + end]
    assert list(found) == sorted(found), "ICU searches by halving"
    return found


def test_what_is_wanted_stays_as_it_was() -> None:
    found = _read(icu.filtered(_block(KEPT | GONE)))
    assert found.keys() == KEPT.keys()
    assert all(found[name].rstrip(b"\0") == data for name, data in KEPT.items())


@pytest.mark.parametrize(
    "name",
    ["root.res", "pool.res", "supplementalData.res", "zoneinfo64.res", "nfkc.nrm", "cnvalias.icu", "coll/sv.res"],
)
def test_what_sorting_and_times_need_is_wanted(name: str) -> None:
    assert icu.wanted(name)


@pytest.mark.parametrize("content", [b"", b"\x7fELF" + bytes(60), HEADER[:12] + b"XXXX" + bytes(200)])
def test_other_data_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="ICU"):
        icu.filtered(content)


@pytest.mark.skipif(any(shutil.which(tool) is None for tool in ("as", "ld", "readelf")), reason="needs binutils")
def test_a_library_is_built_anew_and_loads(tmp_path: Path) -> None:
    library = tmp_path / "libicudata.so.73"
    (tmp_path / "block").write_bytes(_block(KEPT | GONE | {"unit/de.res": bytes(100_000)}))
    (tmp_path / "x.s").write_text(
        ".section .rodata\n.balign 16\n.globl icudt73_dat\n.type icudt73_dat, STT_OBJECT\n"
        'icudt73_dat:\n.incbin "block"\n.size icudt73_dat, . - icudt73_dat\n'
    )
    subprocess.run(["as", "-o", "x.o", "x.s"], cwd=tmp_path, check=True)
    subprocess.run(["ld", "-shared", "-soname", library.name, "-o", library.name, "x.o"], cwd=tmp_path, check=True)
    library.chmod(0o755)
    assert icu.shrink(library) > 90_000
    assert library.stat().st_mode & 0o777 == 0o755
    size = len(icu.filtered((tmp_path / "block").read_bytes()))
    loaded = (ctypes.c_char * size).in_dll(ctypes.CDLL(str(library)), "icudt73_dat")
    assert _read(loaded.raw).keys() == KEPT.keys()
    told = subprocess.run(["readelf", "-d", str(library)], capture_output=True, text=True, check=True).stdout
    assert "soname: [libicudata.so.73]" in told


@pytest.mark.skipif(shutil.which("readelf") is None, reason="needs binutils")
def test_a_library_without_the_block_is_left_alone() -> None:
    import _ssl

    with pytest.raises(ValueError, match="no data of ICU"):
        icu.shrink(Path(_ssl.__file__))
