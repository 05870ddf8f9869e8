from __future__ import annotations

import inspect

import pytest

from desktop_app.core import errors
from desktop_app.core.errors import CallbackError, HubError, HubRefused, KnownError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, KnownError)]


def test_one_line_says_what_where_and_what_to_do() -> None:
    error = KnownError("The model cannot be read.", where="a.onnx", remedy="Choose another file.", details="long")
    assert str(error) == "The model cannot be read (a.onnx). Choose another file."
    assert (error.what, error.where) == ("The model cannot be read.", "a.onnx")
    assert (error.remedy, error.details) == ("Choose another file.", "long")
    assert str(KnownError("Alone")) == "Alone"
    assert str(KnownError("No place", remedy="Try again.")) == "No place. Try again."
    assert "long" not in str(error)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not HubRefused])
def test_every_error_can_be_raised_and_caught_as_known(kind: type[KnownError]) -> None:
    with pytest.raises(KnownError, match=r"^It broke \(here\)"):
        raise kind("It broke", where="here")


def test_a_refusal_carries_its_status() -> None:
    error = HubRefused("The hub said no", status=403, where="/v2/task", remedy="Check the key.")
    assert error.status == 403
    assert isinstance(error, HubError)
    assert str(error) == "The hub said no (/v2/task). Check the key."


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    text = errors.__doc__ or ""
    drawn = {word for line in text.splitlines() for word in line.split() if word in {kind.__name__ for kind in KINDS}}
    assert drawn == {kind.__name__ for kind in KINDS}
    depths = {line.split("──")[-1].split()[0]: line.index("──") // 4 for line in text.splitlines() if "──" in line}
    for kind in KINDS:
        if kind is not KnownError:
            assert len(kind.__mro__) - len(KnownError.__mro__) - 1 == depths[kind.__name__] - depths["ProfileError"]


def test_details_keep_the_traceback() -> None:
    assert CallbackError("The script raised", details="Traceback …").details == "Traceback …"
