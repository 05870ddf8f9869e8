"""Finds the window's texts in the code and keeps the translations in step with them.

    python packaging/translations.py          updates every resources/translations/*.po
    python packaging/translations.py --check  changes nothing; ends with 1 where one is not in step or not complete

Texts are the literal first arguments of `tr(...)` and `self.tr(...)`, and of `Column(...)`, whose title is translated
when it is shown. What is translated stays, also when its text moves in the code. A text that is new is left empty; one
that was reworded gets the translation of the old wording, marked fuzzy: check it, mend it and delete the mark.
To begin a new language: write an empty file with its code as its name, such as `fr.po`, and run this.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP))

from desktop_app.ui.texts import Entry, read_entries  # noqa: E402 - found through the line above

FOLDER = TOP / "resources" / "translations"
SPOKEN = ("tr", "Column")
"""Functions whose first argument is a text."""

ALIKE = 0.75
WIDTH = 116


def sources() -> list[Path]:
    """The files that hold texts."""
    return [TOP / "desktop_app" / "app.py", *sorted((TOP / "desktop_app" / "ui").rglob("*.py"))]


def called(node: ast.expr) -> str:
    """The last part of a called function's name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def texts() -> dict[str, list[str]]:
    """Text -> the files it is in, in the order of the code."""
    found: dict[str, list[str]] = {}
    for path in sources():
        where = path.relative_to(TOP).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node.func) in SPOKEN]
        for call in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
            first = call.args[0] if call.args else None
            for text in _literals(first):
                files = found.setdefault(text, [])
                if where not in files:
                    files.append(where)
    return found


def _literals(node: ast.expr | None) -> list[str]:
    """Of `"a"`, and of both sides of `"a" if x else "b"`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_literals(node.body), *_literals(node.orelse)]
    return []


def updated(path: Path) -> str:
    """What a translation file should hold now."""
    old = read_entries(path)
    head = next((entry for entry in old if not entry.source), None) or Entry(text=_head(path.stem))
    kept = {entry.source: entry for entry in old if entry.source}
    wanted = texts()
    gone = {source: entry for source, entry in kept.items() if source not in wanted and entry.text}
    lines = [
        "# The texts of Plugdeck's window. Made by packaging/translations.py: translate what is empty,",
        "# check what is fuzzy, and leave the rest of the file to it.",
        *_written(head),
    ]
    for source, files in wanted.items():
        entry = kept.get(source) or Entry(source)
        if not entry.text:
            like = difflib.get_close_matches(source, gone, 1, ALIKE)
            if like:
                entry = Entry(source, gone[like[0]].text, fuzzy=True)
        lines += ["", f"#: {' '.join(files)}", *_written(entry)]
    return "\n".join(lines) + "\n"


def _head(code: str) -> str:
    return f"Language: {code}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"


def _written(entry: Entry) -> list[str]:
    return [
        *(["#, fuzzy"] if entry.fuzzy else []),
        *_field("msgid", entry.source),
        *_field("msgstr", entry.text),
    ]


def _field(keyword: str, text: str) -> list[str]:
    """One field; a long text, or one of several lines, over several lines, as gettext's own tools write it."""
    if len(text) < WIDTH - len(keyword) and "\n" not in text[:-1]:
        return [f"{keyword} {_quoted(text)}"]
    lines = [f'{keyword} ""']
    for part in text.splitlines(keepends=True):
        line = ""
        for word in re.findall(r"[^ ]* *", part):
            if line and len(line) + len(word) > WIDTH:
                lines.append(_quoted(line))
                line = ""
            line += word
        lines.append(_quoted(line))
    return lines


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def main() -> int:
    """Updates or checks every file."""
    parser = argparse.ArgumentParser(description="Keeps the translations in step with the code.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a file is not in step")
    check = parser.parse_args().check
    fine = True
    for path in sorted(FOLDER.glob("*.po")):
        wanted = updated(path)
        behind = wanted != path.read_text(encoding="utf-8")
        if not check:
            path.write_text(wanted, encoding="utf-8", newline="\n")
        entries = [entry for entry in read_entries(path) if entry.source]
        open_ones = [entry for entry in entries if entry.fuzzy or not entry.text]
        print(f"{path.name}: {len(entries)} texts, {len(open_ones)} to translate or to check")
        for entry in open_ones:
            print(f"  {'fuzzy' if entry.fuzzy else 'empty'}: {_quoted(entry.source)}")
        if check and behind:
            print(f"{path.name} is not in step with the code: run packaging/translations.py")
        fine = fine and not open_ones and not (check and behind)
    return 0 if fine or not check else 1


if __name__ == "__main__":
    sys.exit(main())
