"""Which package to install for a module that is missing."""

from __future__ import annotations

from typing import Iterable, List

_DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "git": "gitpython",
    "google": "google-cloud-storage",
    "mmcv": "mmcv",
    "nrrd": "pynrrd",
    "pycocotools": "pycocotools",
    "pydicom": "pydicom",
    "segment_anything": "segment-anything",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "socketio": "python-socketio",
    "yaml": "pyyaml",
}


def distribution(module: str) -> str:
    """The name to give to pip; for most modules it is their own."""
    top = module.partition(".")[0]
    return _DISTRIBUTIONS.get(top, top)


def install_command(python: str, modules: Iterable[str]) -> str:
    """The line that installs what is missing into an interpreter."""
    names: List[str] = []
    for module in modules:
        name = distribution(module)
        if name not in names:
            names.append(name)
    quoted = '"%s"' % python if " " in python else python
    return "%s -m pip install %s" % (quoted, " ".join(names))
