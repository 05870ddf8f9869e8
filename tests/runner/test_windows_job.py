from __future__ import annotations

import ctypes
from typing import Any

import pytest

from desktop_app.runner import windows_job


class Kernel:
    """What is called of Windows, and in which order."""

    class _Call:
        def __init__(self, kernel: Kernel, name: str) -> None:
            self._kernel, self._name = kernel, name
            self.restype: Any = None

        def __call__(self, *args: Any) -> int:
            self._kernel.calls.append(self._name)
            return self._kernel.answers.get(self._name, 7)

    def __init__(self, **answers: int) -> None:
        self.calls: list[str] = []
        self.answers = answers

    def __getattr__(self, name: str) -> Any:
        call = self._Call(self, name)
        setattr(self, name, call)
        return call


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No job object yet."""
    monkeypatch.setattr(windows_job, "_job", None)


def test_one_job_object_for_all_workers() -> None:
    kernel = Kernel()
    windows_job._assign(kernel, 1)
    windows_job._assign(kernel, 2)
    assign = ["OpenProcess", "AssignProcessToJobObject", "CloseHandle"]
    assert kernel.calls == ["CreateJobObjectW", "SetInformationJobObject", *assign, *assign]


@pytest.mark.parametrize(
    "failing", ["CreateJobObjectW", "SetInformationJobObject", "OpenProcess", "AssignProcessToJobObject"]
)
def test_what_windows_refuses_is_an_error(failing: str) -> None:
    kernel = Kernel(**{failing: 0})
    with pytest.raises(OSError, match=failing.removesuffix("W")):
        windows_job._assign(kernel, 1)
    if failing == "AssignProcessToJobObject":
        assert kernel.calls[-1] == "CloseHandle"


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="sizes of 64-bit Windows")
def test_the_structures_have_the_systems_sizes() -> None:
    assert ctypes.sizeof(windows_job._Basic) == 64
    assert ctypes.sizeof(windows_job._Extended) == 144


def test_elsewhere_nothing_happens() -> None:
    windows_job.tie_to_app(1)
