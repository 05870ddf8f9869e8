"""The Linux packages, from the frozen folder: a tree as it is installed, and the .deb, .rpm and .tar.xz made of it."""

from __future__ import annotations

import gzip
import lzma
import os
import platform
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from bundle import archive, slim, versions

HERE = Path(__file__).resolve().parent.parent
LINUX = HERE / "linux"
ICON_SIZES = (16, 24, 32, 48, 64, 128, 256, 512)
GLIBC = "2.34"
"""What PySide6's and onnxruntime's wheels ask for (manylinux_2_34)."""
ARCHITECTURES = {"x86_64": ("amd64", "x86_64"), "aarch64": ("arm64", "aarch64")}


def share(python: Path, licences: Path, destination: Path) -> None:
    """Everything that lies in `share`: menu, icons, file types, manual, completions, licences.

    Args:
        python: the build environment's interpreter, which has the app, Qt, argparse-manpage and shtab.
        licences: THIRD-PARTY.txt.
    """
    values = {"VERSION": versions.VERSION, "DATE": _date()}
    for source, place in (
        ("plugdeck.desktop", "applications/plugdeck.desktop"),
        ("plugdeck-mime.xml", "mime/packages/plugdeck.xml"),
        (f"{versions.IDENTIFIER}.metainfo.xml", f"metainfo/{versions.IDENTIFIER}.metainfo.xml"),
    ):
        _write(destination / place, filled((LINUX / source).read_text(encoding="utf-8"), values))
    documents = destination / "doc" / "plugdeck"
    documents.mkdir(parents=True)
    shutil.copy(HERE.parent / "LICENSE", documents / "copyright")
    shutil.copy(HERE.parent / "CHANGELOG.md", documents / "CHANGELOG.md")
    shutil.copy(licences, documents / "THIRD-PARTY.txt")
    icons = destination / "icons" / "hicolor"
    _write(
        icons / "scalable" / "apps" / "plugdeck.svg", (HERE.parent / "resources" / "plugdeck.svg").read_text("utf-8")
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for size in ICON_SIZES:
        picture = icons / f"{size}x{size}" / "apps" / "plugdeck.png"
        picture.parent.mkdir(parents=True)
        command = [str(python), str(HERE / "bundle" / "icon.py"), str(picture), str(size)]
        subprocess.run(command, check=True, env=environment)
    manual = _run(
        python.with_name("argparse-manpage"),
        *("--module", "desktop_app.cli.parser", "--function", "build_parser"),
        *("--project-name", "plugdeck", "--prog", "plugdeck"),
        *("--version", versions.VERSION, "--description", versions.SUMMARY),
    )
    (destination / "man" / "man1").mkdir(parents=True)
    (destination / "man" / "man1" / "plugdeck.1.gz").write_bytes(gzip.compress(manual.encode(), mtime=0))
    for shell, place in (("bash", "bash-completion/completions/plugdeck"), ("zsh", "zsh/vendor-completions/_plugdeck")):
        completion = _run(
            python, "-m", "shtab", f"--shell={shell}", "--prog=plugdeck", "desktop_app.cli.parser.build_parser"
        )
        _write(destination / place, completion)


def tree(app: Path, shared: Path, root: Path) -> None:
    """Lays the app out under `root` as the .deb and the .rpm install it."""
    library = root / "usr" / "lib" / "plugdeck"
    shutil.copytree(app, library, symlinks=True, copy_function=_copy)
    slim.one_executable(library)
    shutil.copy(LINUX / "scripts.sh", library / "refresh.sh")
    shutil.copytree(shared, root / "usr" / "share")
    programs = root / "usr" / "bin"
    programs.mkdir(parents=True)
    for name in slim.TWINS:
        (programs / name).symlink_to(f"../lib/plugdeck/{name}")


def deb(root: Path, out: Path) -> Path:
    """The Debian package."""
    architecture = ARCHITECTURES[platform.machine()][0]
    control = root / "DEBIAN"
    control.mkdir()
    size = slim.size(root / "usr") // 1024
    values = {"VERSION": versions.VERSION, "ARCHITECTURE": architecture, "SIZE": str(size), "GLIBC": GLIBC}
    _write(control / "control", filled((LINUX / "control").read_text(encoding="utf-8"), values))
    for name in ("postinst", "postrm"):
        shutil.copy(LINUX / "scripts.sh", control / name)
        (control / name).chmod(0o755)
    package = out / f"plugdeck_{versions.VERSION}_{architecture}.deb"
    plain = out / f"{package.name}.plain"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(root), str(plain)], check=True)
    archive.squeeze(plain, package, archive.xz_filters())
    plain.unlink()
    shutil.rmtree(control)
    return package


def rpm(root: Path, out: Path, work: Path) -> Path:
    """The package for Fedora and its relatives."""
    architecture = ARCHITECTURES[platform.machine()][1]
    spec = work / "plugdeck.spec"
    values = {"VERSION": versions.VERSION.replace("-", "~"), "ROOT": str(root)}
    _write(spec, filled((LINUX / "plugdeck.rpm.spec").read_text(encoding="utf-8"), values))
    definitions = {"_topdir": str(work / "rpm"), "_rpmdir": str(out), "_rpmfilename": "%{NAME}-%{VERSION}.%{ARCH}.rpm",
                   "_binary_payload": "w9.xzdio"}  # fmt: skip
    options = [option for name, value in definitions.items() for option in ("--define", f"{name} {value}")]
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--target", architecture, *options, str(spec)], check=True)
    return out / f"plugdeck-{versions.VERSION}.{architecture}.rpm"


def tar(app: Path, shared: Path, out: Path) -> Path:
    """The folder for people without root, with its own installer."""
    name = f"plugdeck-{versions.VERSION}-linux-{platform.machine()}"
    package = out / f"{name}.tar.xz"

    def clean(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        return member

    with (
        lzma.open(package, "wb", filters=archive.xz_filters()) as file,
        tarfile.open(fileobj=file, mode="w|") as packed,
    ):
        packed.add(app, f"{name}/app", filter=clean)
        packed.add(shared, f"{name}/share", filter=clean)
        packed.add(LINUX / "install.sh", f"{name}/install.sh", filter=clean)
    return package


def filled(text: str, values: dict[str, str]) -> str:
    """A template with its `@NAME@`s filled in."""
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(source: str, destination: str) -> None:
    shutil.copy2(source, destination, follow_symlinks=False)


def _run(program: Path, *arguments: str) -> str:
    return subprocess.run([str(program), *arguments], check=True, capture_output=True, text=True).stdout


def _date() -> str:
    # Reproducible builds give the time of the release.
    return time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
