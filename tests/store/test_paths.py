import os
import stat
from pathlib import Path

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.store.paths import DataDir, default_root


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_private_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        data_dir = DataDir(tmp_path / "deep" / "data").create()
    finally:
        os.umask(before)
    for folder in (data_dir.root, data_dir.cache, data_dir.logs, data_dir.crashes):
        assert folder.is_dir()
        assert mode(folder) == 0o700


def test_a_second_creation_repairs_the_mode(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "data").create()
    data_dir.database.touch()
    data_dir.root.chmod(0o755)
    data_dir.cache.chmod(0o755)
    data_dir.create()
    assert mode(data_dir.root) == mode(data_dir.cache) == 0o700


def test_a_folder_with_other_files_keeps_its_mode_but_ours_are_private(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "letter.txt").touch()
    data_dir = DataDir(home).create()
    assert mode(home) == 0o755
    assert mode(data_dir.cache) == 0o700


def test_a_folder_anybody_may_write_is_refused(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "somebody.txt").touch()
    shared.chmod(0o777)
    with pytest.raises(StoreError) as caught:
        DataDir(shared).create()
    assert "--data-dir" in caught.value.remedy
    assert mode(shared) == 0o777


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError) as caught:
        DataDir(tmp_path / "data").create()
    assert str(tmp_path / "data") in caught.value.where


def test_a_file_in_the_place_of_a_parent_is_a_known_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        DataDir(tmp_path / "file" / "data").create()


def test_the_variable_names_the_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLUGDECK_DATA_DIR", str(tmp_path / "named"))
    assert default_root() == tmp_path / "named"


def test_without_the_variable_it_is_the_platforms_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUGDECK_DATA_DIR", "  ")
    assert default_root().name == "Plugdeck"
    assert default_root().is_absolute()
