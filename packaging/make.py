"""Builds what people install: `make.py [TARGET…]`; targets: python, bundle, tar, deb, rpm, nsis, sbom.

Without a target: everything that this machine can build. The results are in `dist/`, the work in `build/`.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bundle import linux, slim, versions, windows

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
DIST = TOP / "dist"
CONSTRAINTS = TOP / "packaging" / "constraints.txt"
ENVIRONMENT = BUILD / "environment"
APP = BUILD / "frozen" / "plugdeck"
FREEZERS = ("pyinstaller", "argparse-manpage", "shtab")
TOOLS = ("build", "twine", "cyclonedx-bom")


def python() -> Path:
    """The interpreter of the build's own environment: the app, what it needs, and what freezes it."""
    program = ENVIRONMENT / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = ENVIRONMENT / ".ready"
    wanted = hashlib.sha256(CONSTRAINTS.read_bytes() + (TOP / "pyproject.toml").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        run(sys.executable, "-m", "venv", ENVIRONMENT)
        pip = (program, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-c", CONSTRAINTS)
        run(*pip, TOP)
        run(program, "-m", "pip", "--quiet", "uninstall", "--yes", "plugdeck")  # the checkout is what is frozen
        run(program, "-m", "venv", ENVIRONMENT / "tools")
        tools = ENVIRONMENT / "tools" / program.relative_to(ENVIRONMENT)
        run(tools, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-c", CONSTRAINTS, *TOOLS)
        run(*pip, *FREEZERS)
        run(*pip, "--no-deps", "--editable", TOP)
        stamp.write_text(wanted)
    return program


def bundle() -> None:
    """The frozen folder."""
    program = python()
    shutil.rmtree(APP.parent, ignore_errors=True)
    if sys.platform in ("win32", "darwin"):
        windows.icons(program)
    run(program, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "--distpath", APP.parent,
        "--workpath", BUILD / "pyinstaller", TOP / "packaging" / "plugdeck.spec")  # fmt: skip
    run(program, TOP / "packaging" / "bundle" / "third_party.py", APP / "THIRD-PARTY.txt")
    if sys.platform == "darwin":
        shutil.copy(APP / "THIRD-PARTY.txt", APP.parent / "Plugdeck.app" / "Contents" / "Resources")
    if sys.platform == "linux":
        slim.slim(APP)
    print(f"The bundle holds {slim.size(APP) / 2**20:.0f} MB.")


def shared() -> Path:
    """The `share` folder of the Linux packages."""
    folder = BUILD / "share"
    if not APP.exists():
        bundle()
    shutil.rmtree(folder, ignore_errors=True)
    linux.share(python(), APP / "THIRD-PARTY.txt", folder)
    return folder


def root() -> Path:
    """The tree that .deb and .rpm install."""
    folder = BUILD / "root"
    shutil.rmtree(folder, ignore_errors=True)
    linux.tree(APP, shared(), folder)
    return folder


def distributions() -> None:
    """Wheel and source distribution, checked as the registry would."""
    program = python()
    tools = ENVIRONMENT / "tools" / program.relative_to(ENVIRONMENT)
    run(tools, "-m", "build", "--outdir", DIST, TOP)
    run(tools, "-m", "twine", "check", "--strict", *DIST.glob("plugdeck-*.whl"), *DIST.glob("plugdeck-*.tar.gz"))


def sbom() -> None:
    """The bill of materials (CycloneDX) of the environment that was frozen."""
    program = python()
    tools = ENVIRONMENT / "tools" / program.relative_to(ENVIRONMENT)
    run(tools, "-m", "cyclonedx_py", "environment", "--output-format", "JSON", "--pyproject", TOP / "pyproject.toml",
        "--output-file", DIST / f"plugdeck-{versions.VERSION}.cdx.json", program)  # fmt: skip


def checksums() -> None:
    """SHA256SUMS of everything in `dist/`."""
    files = sorted(path for path in DIST.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    for path in files:
        print(f"{path.stat().st_size / 2**20:7.1f} MB  {path.name}")


TARGETS: dict[str, Callable[[], object]] = {
    "python": distributions,
    "bundle": bundle,
    "tar": lambda: linux.tar(APP, shared(), DIST),
    "deb": lambda: linux.deb(root(), DIST),
    "rpm": lambda: linux.rpm(root(), DIST, BUILD),
    "nsis": lambda: windows.installer(APP, DIST),
    "sbom": sbom,
}
NEEDED = {"deb": ("dpkg-deb", "dpkg"), "rpm": ("rpmbuild", "rpm"), "nsis": ("makensis", "nsis")}
"""The program that a target needs, and Debian's package with it."""


def possible(target: str) -> bool:
    """Whether this machine can build it; says what is missing."""
    if sys.platform != "linux":
        return target in ("python", "bundle", "sbom") or (target == "nsis" and sys.platform == "win32")
    if target in NEEDED:
        program, package = NEEDED[target]
        if shutil.which(program) is None and os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "install", "--yes", "-qq", "--no-install-recommends", package], check=False)
        if shutil.which(program) is None:
            print(f"No {target}: it needs {program}. Run: sudo apt-get install {package}")
            return False
    # The installer for Windows compiles here, against this bundle's layout, but holds programs for Linux.
    return target != "nsis"


def run(*command: object) -> None:
    """A step; its failure ends the build."""
    subprocess.run([str(part) for part in command], check=True, cwd=TOP)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET")
    targets = parser.parse_args().targets or [target for target in TARGETS if possible(target)]
    DIST.mkdir(exist_ok=True)
    for target in targets:
        print(f"== {target}", flush=True)
        TARGETS[target]()
    checksums()


if __name__ == "__main__":
    main()
