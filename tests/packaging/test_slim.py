from __future__ import annotations

from pathlib import Path

from bundle import slim

ELF = b"\x7fELF" + bytes(60)


def _bundle(tmp_path: Path, *names: str) -> Path:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ELF)
    return tmp_path / "_internal"


def test_libraries_nobody_asks_for_are_found(tmp_path: Path) -> None:
    names = ("liba.so.1", "libb.so.2", "liborphan.so.1", "libpython3.11.so.1.0")
    folder = _bundle(tmp_path, "plugdeck", "_internal/mod/x.so", *(f"_internal/{name}" for name in names))
    needs = {"x.so": ["liba.so.1", "libc.so.6"], "liba.so.1": ["libb.so.2"], "liborphan.so.1": ["liba.so.1"]}
    unneeded = slim.unneeded_libraries(folder, lambda path: needs.get(path.name, ()))
    assert [path.name for path in unneeded] == ["liborphan.so.1"]


def test_equal_executables_become_one_file_and_different_ones_stay(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in slim.TWINS)
    first.write_bytes(b"same" * 1000)
    second.write_bytes(b"same" * 1000)
    slim.one_executable(tmp_path)
    assert first.samefile(second)
    assert slim.size(tmp_path) == 4000
    second.unlink()
    second.write_bytes(b"other")
    slim.one_executable(tmp_path)
    assert second.read_bytes() == b"other"


def test_needed_libraries_are_read_from_a_real_one() -> None:
    import _ssl

    assert any(name.startswith(("libssl", "libc.")) for name in slim.needed_libraries(Path(_ssl.__file__)))
