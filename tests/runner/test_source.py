from __future__ import annotations

import ast
import threading

import pytest

from desktop_app.runner.source import parse_source

DEEP = (
    "x = "
    + "(" * 60
    + "1"
    + ")" * 60
    + "\n"
    + "def f():\n"
    + "".join(f"    y{n} = [{n}, {{}}, f(1)]\n" for n in range(300))
).encode()


def test_a_script_is_parsed():
    assert isinstance(parse_source(b"x = 1\n").body[0], ast.Assign)


def test_the_name_is_in_the_error():
    with pytest.raises(SyntaxError) as caught:
        parse_source(b"def", "plugin.py")
    assert caught.value.filename == "plugin.py"


def test_an_attempt_that_met_another_thread_is_made_again(monkeypatch):
    real, failures = ast.parse, [SystemError("AST constructor recursion depth mismatch (before=27, after=24)")] * 3

    def parse(source: bytes, name: str) -> ast.AST:
        if failures:
            raise failures.pop()
        return real(source, name)

    monkeypatch.setattr(ast, "parse", parse)
    assert isinstance(parse_source(b"x = 1\n"), ast.Module)


def test_one_that_always_fails_is_a_value_error(monkeypatch):
    def parse(source: bytes, name: str) -> ast.AST:
        raise SystemError("AST constructor recursion depth mismatch")

    monkeypatch.setattr(ast, "parse", parse)
    with pytest.raises(ValueError, match="recursion depth"):
        parse_source(b"x = 1\n")


def test_many_threads_parse_at_once():
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(30):
                parse_source(DEEP)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
