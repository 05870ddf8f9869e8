from __future__ import annotations

import functools
from typing import Any

import pytest

from desktop_app.child.callback import Call, Callback
from desktop_app.child.serve import Failure, Job
from desktop_app.child.trouble import Places

DATA = {"session": "S", "projectId": "P", "dataURL": "u", "logger": None, "new": 1}


class Method:
    def callback(self, data: Any) -> Any:
        return data

    def __call__(self, **data: Any) -> Any:
        return data


def keywords(**data: Any) -> Any:
    return data


def one(data: Any) -> Any:
    return data


def one_and_options(data: Any, **options: Any) -> Any:
    return (data, options)


def defaulted(data: Any, model: Any = None) -> Any:
    return (data, model)


def named(projectId: Any, dataURL: Any, **rest: Any) -> Any:  # noqa: N803
    return (projectId, dataURL, sorted(rest))


def only_named(projectId: Any, dataURL: Any = "", missing: Any = 7) -> Any:  # noqa: N803
    return (projectId, dataURL, missing)


def anything(*args: Any, **data: Any) -> Any:
    return (args, data)


def positional(*args: Any) -> Any:
    return args


def nothing() -> Any:
    return "called"


@pytest.mark.parametrize(
    ("function", "old", "expected"),
    [
        (keywords, False, DATA),
        (one, True, DATA),
        (one_and_options, True, (DATA, {})),
        (defaulted, True, (DATA, None)),
        (named, False, ("P", "u", ["logger", "new", "session"])),
        (only_named, False, ("P", "u", 7)),
        (anything, True, ((), DATA)),
        (anything, False, ((DATA,), {})),
        (positional, True, (DATA,)),
        (Method().callback, True, DATA),
        (Method(), True, DATA),
        (functools.partial(defaulted, model="m"), True, (DATA, "m")),
        (functools.partial(keywords, model="m"), False, {"model": "m", **DATA}),
        (lambda data: data, True, DATA),
        (lambda **d: d, False, DATA),
    ],
)
def test_data_comes_the_way_the_function_wants_it(function: Any, old: bool, expected: Any) -> None:
    assert Call(function, old)(dict(DATA)) == expected


class Server:
    def log(self, *args: Any) -> None:
        raise AssertionError(args)


def _answer(function: Any, kind: str = "model", **data: Any) -> tuple[Any, list[Any]]:
    lines: list[Any] = []
    callback = Callback(function, kind, Places(__file__), lambda *line: lines.append(line), True)
    job = Job({"id": 3, "data": data, "plugin_id": "p"}, Server())  # type: ignore[arg-type]
    return callback.answer(job), lines


def test_the_data_is_the_event_with_logger_and_batches() -> None:
    seen: dict[str, Any] = {}

    def callback(**data: Any) -> Any:
        seen.update(data)
        data["logger"].warning("%d%%", 50, step=1)
        return {"objects": []}

    prediction, lines = _answer(callback, session="S", orgId="o", runBy="r", unknown={"x": 1})
    assert prediction == {"returned": {"objects": []}, "generation": "flat", "kind": "model", "notes": []}
    assert lines == [(3, "WARNING", "50%", {"step": 1}, "")]
    logger = seen.pop("logger")
    assert (logger.session, logger.org_id, logger.run_by, logger.plugin_id) == ("S", "o", "r", "p")
    assert seen == {"session": "S", "orgId": "o", "runBy": "r", "unknown": {"x": 1}, "batches": []}


def test_a_coroutine_is_run_to_its_end() -> None:
    async def callback(data: Any) -> Any:
        return {"objects": [data["session"]]}

    assert _answer(callback, session="S")[0]["returned"] == {"objects": ["S"]}


def test_an_exception_is_told_with_the_users_own_line() -> None:
    def callback(**data: Any) -> Any:
        import json

        return json.loads("{")

    with pytest.raises(Failure) as raised:
        _answer(callback)
    line = callback.__code__.co_firstlineno + 3
    assert raised.value.where == f"test_callback.py:{line}"
    assert "JSONDecodeError" in raised.value.what
    assert raised.value.details.splitlines()[0] == f"test_callback.py:{line} in callback"


def test_other_kinds_return_a_text() -> None:
    prediction, _ = _answer(lambda data: "done", kind="batch")
    assert (prediction["returned"], prediction["kind"], prediction["generation"]) == ("done", "batch", None)
