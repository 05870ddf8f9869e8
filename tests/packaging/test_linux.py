from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from bundle import linux, slim

from desktop_app import __version__


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The shape of a frozen folder, with programs that say their name."""
    folder = tmp_path / "app"
    (folder / "_internal").mkdir(parents=True)
    (folder / "_internal" / "data.txt").write_text("x" * 5000)
    for name in slim.TWINS:
        (folder / name).write_text("#!/bin/sh\necho hello from plugdeck\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    for place in ("applications/plugdeck.desktop", "mime/packages/plugdeck.xml"):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(linux.LINUX / "plugdeck.desktop", folder / "applications" / "plugdeck.desktop")
    shutil.copy(linux.LINUX / "plugdeck-mime.xml", folder / "mime" / "packages" / "plugdeck.xml")
    return folder


def test_templates_leave_nothing_unfilled() -> None:
    values = {"VERSION": "1", "ARCHITECTURE": "amd64", "SIZE": "2", "GLIBC": "2.34"}
    text = linux.filled((linux.LINUX / "control").read_text(), values)
    assert "@VERSION@" not in text
    assert "Version: 1\n" in text
    assert text.count("@") == 1  # the maintainer's address


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_the_debian_package_holds_the_app_and_its_names(app: Path, shared: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    linux.tree(app, shared, root)
    package = linux.deb(root, tmp_path)
    listed = subprocess.run(["dpkg-deb", "--contents", str(package)], capture_output=True, text=True, check=True).stdout
    assert "./usr/bin/plugdeck -> ../lib/plugdeck/plugdeck" in listed
    assert "./usr/share/applications/plugdeck.desktop" in listed
    assert all(line.split()[1] == "root/root" for line in listed.splitlines())
    field = subprocess.run(["dpkg-deb", "--field", str(package), "Version"], capture_output=True, text=True, check=True)
    assert field.stdout.strip() == __version__
    depends = subprocess.run(
        ["dpkg-deb", "--field", str(package), "Depends"], capture_output=True, text=True, check=True
    )
    assert "libegl1" in depends.stdout
    assert "python" not in depends.stdout
    subprocess.run(["dpkg-deb", "--extract", str(package), str(tmp_path / "there")], check=True)
    there = tmp_path / "there" / "usr" / "lib" / "plugdeck" / "_internal" / "data.txt"
    assert there.read_text() == "x" * 5000
    assert package.stat().st_size < 5000, "it is compressed"
    assert [path.name for path in tmp_path.glob("*.deb*")] == [package.name]


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_a_person_without_root_installs_and_removes_it(app: Path, shared: Path, tmp_path: Path) -> None:
    package = linux.tar(app, shared, tmp_path)
    with tarfile.open(package) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    home = tmp_path / "my home"
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    (home / ".local" / "share" / "Plugdeck").mkdir(parents=True)

    def install(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["sh", str(folder / "install.sh"), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = install()
    assert (done.returncode, done.stderr) == (0, "")
    program = home / ".local" / "bin" / "plugdeck"
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "hello from plugdeck\n"
    entry = (home / ".local" / "share" / "applications" / "plugdeck.desktop").read_text()
    assert f'Exec="{home}/.local/lib/plugdeck/plugdeck-window" open %F\n' in entry
    assert install().returncode == 0  # once more: an upgrade
    assert install("--nonsense").returncode == 2
    done = install("--remove")
    assert "Its data is still in" in done.stdout
    assert (home / ".local" / "share" / "Plugdeck").is_dir()
    assert not program.exists()
    assert not (home / ".local" / "lib" / "plugdeck").exists()
    assert not (home / ".local" / "share" / "applications" / "plugdeck.desktop").exists()


@pytest.mark.skipif(shutil.which("desktop-file-validate") is None, reason="needs desktop-file-validate")
def test_the_desktop_entry_is_valid() -> None:
    done = subprocess.run(
        ["desktop-file-validate", str(linux.LINUX / "plugdeck.desktop")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(shutil.which("appstreamcli") is None, reason="needs appstreamcli")
def test_the_software_centre_takes_the_metadata(tmp_path: Path) -> None:
    name = "io.plugdeck.Plugdeck.metainfo.xml"
    values = {"VERSION": __version__, "DATE": "2026-01-01"}
    (tmp_path / name).write_text(linux.filled((linux.LINUX / name).read_text(), values))
    command = ["appstreamcli", "validate", "--no-net", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
