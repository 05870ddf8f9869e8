"""Nothing on the screen stays English in German, and no translation says anything else than its source."""

from __future__ import annotations

import ast
import importlib.util
import logging
import re
import string
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLabel

from desktop_app.core.aio import spawn
from desktop_app.core.job import JobState
from desktop_app.core.resources import resource
from desktop_app.ui import formats, language
from desktop_app.ui.jobs.columns import job_columns
from desktop_app.ui.settings_page import SettingsPage
from desktop_app.ui.states import job_words
from desktop_app.ui.texts import read_entries, read_texts

TOP = Path(__file__).resolve().parents[2]
FILES = sorted((TOP / "resources" / "translations").glob("*.po"))
SHOWING = re.compile(
    r"set(Text|ToolTip|WindowTitle|PlaceholderText|Accessible(Name|Description)|StatusTip|WhatsThis|InformativeText"
    r"|Title|SpecialValueText|Prefix|Suffix|TabText|ItemText)|add(Action|Item|Tab|Menu|Row)|Q(Label|PushButton|ToolButton"
    r"|CheckBox|RadioButton|Action|Menu|GroupBox|MessageBox)|label|push_button|tool_button|action|EmptyState|Column"
    r"|\w*Field|(?!Value)\w*Error|say|ask|tell|fail|show_error"
)
"""Names of functions and classes whose texts people read."""

NAMES = {"Plugdeck", "TensorRT (NVIDIA)", "CoreML (Apple)", "DirectML (Windows)", "OpenVINO (Intel)"}
KEY = re.compile(r"(Ctrl|Alt|Shift)\+.+|Esc|Del|F\d+")


@pytest.fixture(scope="module")
def translations() -> ModuleType:
    spec = importlib.util.spec_from_file_location("translations", TOP / "packaging" / "translations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def placeholders(text: str) -> list[tuple[str | None, str | None, str | None]]:
    return sorted(part[1:] for part in string.Formatter().parse(text) if part[1] is not None)


def test_there_is_german() -> None:
    assert ("de", "Deutsch") in language.languages()
    assert language.languages()[0] == ("en", "English")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_text_is_translated(path: Path, translations: ModuleType) -> None:
    wanted = translations.texts()
    assert len(wanted) > 700
    have = {entry.source: entry for entry in read_entries(path)}
    missing = [text for text in wanted if text not in have or not have[text].text]
    assert not missing, f"Run packaging/translations.py and translate in {path.name}: {missing}"
    fuzzy = [text for text in wanted if have[text].fuzzy]
    assert not fuzzy, f"Check these in {path.name}, mend them and delete the mark: {fuzzy}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_translation_fits_its_source(path: Path) -> None:
    entries = [entry for entry in read_entries(path) if entry.source]
    assert len({entry.source for entry in entries}) == len(entries), "a text stands there twice"
    for entry in entries:
        source, text = entry.source, entry.text
        assert placeholders(text) == placeholders(source), source
        # What code and files of the system rely on: lines, shortcuts behind a tab, patterns of file dialogs.
        assert text.count("\n") == source.count("\n"), source
        assert text.count("\t") == source.count("\t"), source
        assert re.findall(r"\*\.\w+", text) == re.findall(r"\*\.\w+", source), source
        assert (text[0].isspace(), text[-1].isspace()) == (source[0].isspace(), source[-1].isspace()), source
        assert source.endswith(("…", ".", ":", "?")) <= (text[-1] == source[-1] or source.startswith("Class…")), source


def shown_literals(tree: ast.AST, translations: ModuleType) -> Iterator[tuple[int, str]]:
    """Strings among the arguments of what shows texts that no translation function has in its hands."""

    def strings(node: ast.AST) -> Iterator[tuple[int, str]]:
        if isinstance(node, ast.Call):
            # Of its own arguments a call is asked by itself, but `"…".format(…)` and `" · ".join(…)` are texts.
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant):
                yield from strings(node.func.value)
                for argument in node.args:
                    yield from strings(argument)
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        if isinstance(node, ast.Compare | ast.Lambda | ast.Subscript | ast.Dict):
            return
        for child in ast.iter_child_nodes(node):
            yield from strings(child)

    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not SHOWING.fullmatch(translations.called(call.func)):
            continue
        if (
            isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Name)
            and call.func.value.id == "log"
        ):
            continue
        for argument in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg != "sample")):
            for line, text in strings(argument):
                words = re.search(r"[^\W\d_]{2,} +[^\W\d_]{2,}|^[A-Z][a-z]{2,}", text)
                if words and text not in NAMES and not KEY.fullmatch(text):
                    yield line, text


def test_no_text_is_shown_past_the_translation(translations: ModuleType) -> None:
    past = []
    for path in translations.sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        past += [f"{path.relative_to(TOP)}:{line}: {text!r}" for line, text in shown_literals(tree, translations)]
    assert not past, "Give these to tr():\n" + "\n".join(past)


def test_the_search_for_literals_finds_them(translations: ModuleType) -> None:
    code = (
        'a.setText("Two words")\nlabel(f"{n} jobs wait")\nQPushButton("Save")\nColumn("State", f)\n'
        'a.say("The {n}".format(n=1))\na.say(" · ".join(["Two words", b]))\n'
        'a.setText(tr("Two words"))\nlabel(tr("Save"), "muted")\nlog.fail("two words")\na.setText("Plugdeck")\n'
    )
    assert [line for line, _ in shown_literals(ast.parse(code), translations)] == [1, 2, 3, 4, 5, 6]


def test_texts_are_literals_and_translated_late(translations: ModuleType) -> None:
    """What is put together cannot be found; what is translated on import is translated before the language is known."""
    wrong = []

    def visit(node: ast.AST, path: Path, late: bool) -> None:
        late = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(node, ast.Call) and translations.called(node.func) == "tr":
            literal = len(node.args) == 1 and isinstance(node.args[0], ast.Constant | ast.IfExp)
            if not literal or not late:
                wrong.append(f"{path.relative_to(TOP)}:{node.lineno}: {ast.unparse(node)}")
        for child in ast.iter_child_nodes(node):
            visit(child, path, late)

    for path in translations.sources():
        visit(ast.parse(path.read_text(encoding="utf-8")), path, late=False)
    assert not wrong, "\n".join(wrong)


def test_german_in_the_window(speaking: Any, run: Any, host: Any, qtbot: Any) -> None:
    speaking("de")
    german = read_texts(resource("translations", "de.po"))

    async def scenario() -> None:
        page = SettingsPage(host.settings, lambda work, name: spawn(work, name=name))
        qtbot.addWidget(page)
        page.refresh()
        shown = {each.text() for each in page.findChildren(QLabel)}
        assert {german["Settings"], german["Language"], german["Network"]} <= shown
        field: Any = page.fields["language"]
        box = field.box
        assert [box.itemText(place) for place in range(box.count())] == ["System", "English", "Deutsch"]

    run(scenario())
    assert job_words(JobState.DELIVERED) == "zugestellt"
    assert [column.title for column in job_columns()][:2] == [german["State"], german["Arrived"]]
    assert QLabel().tr("Settings") == formats.tr("Settings") == "Einstellungen"
    assert formats.tr("no such text") == "no such text"
    assert formats.duration(2345) == "2,3 s"
    assert formats.count(1204, "", "") == "1.204 "
    assert "." in formats.day_clock(1_700_000_000, 1_770_000_000)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    assert buttons.buttons()[0].text() == "Abbrechen"


def test_english_and_what_has_no_translation(speaking: Any) -> None:
    for code in ("en", "fr"):
        speaking(code)
        assert formats.tr("Settings") == "Settings"
        assert QLocale().name().startswith(code)


def test_a_damaged_file_leaves_english(
    speaking: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture, qapp: QApplication
) -> None:
    monkeypatch.setattr(language, "resource", lambda *parts: tmp_path / parts[-1])
    for damage in (b'msgid "Settings"\nmsgstr "Einst', b"nonsense\n", b'msgid "\xff"\n'):
        (tmp_path / "de.po").write_bytes(damage)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            speaking("de")
        assert formats.tr("Settings") == "Settings"
        assert "de.po" in caplog.text


def test_the_country_is_asked_first(speaking: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(language, "resource", lambda *parts: tmp_path / parts[-1])
    (tmp_path / "de.po").write_text('msgid "Yes"\nmsgstr "Ja"\n', encoding="utf-8")
    (tmp_path / "de_CH.po").write_text(
        'msgid "Yes"\nmsgstr "Jo"\n#, fuzzy\nmsgid "No"\nmsgstr "Ne"\n', encoding="utf-8"
    )
    speaking("de_CH")
    assert (formats.tr("Yes"), formats.tr("No")) == ("Jo", "No")


def test_an_update_keeps_what_is_translated(
    translations: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "xx.po"
    path.write_text(
        'msgid "Save the file"\nmsgstr "Datei \\"A\\" sichern"\nmsgid "Gone with the wind"\nmsgstr "Fort"\n', "utf-8"
    )
    long = (
        "A long text that does not fit on one line of the file, with words enough to be broken, " * 2
        + "\nand two lines"
    )
    found = {"Save the file": ["a.py"], "Save the files": ["a.py", "b.py"], long: ["b.py"]}
    monkeypatch.setattr(translations, "texts", lambda: found)
    path.write_text(translations.updated(path), encoding="utf-8")
    head, same, other, new = read_entries(path)
    assert "Language: xx" in head.text
    assert (same.text, same.fuzzy) == ('Datei "A" sichern', False)
    assert (other.source, other.text, new.source, new.text) == ("Save the files", "", long, "")
    assert translations.updated(path) == path.read_text(encoding="utf-8")
    # A text that was reworded comes with the translation it had, to be checked.
    del found["Save the file"]
    by_source = {e.source: e for e in _entries(translations, path)}
    assert (by_source["Save the files"].text, by_source["Save the files"].fuzzy) == ('Datei "A" sichern', True)
    assert "Save the files" not in read_texts(path)


def _entries(translations: ModuleType, path: Path) -> list[Any]:
    path.write_text(translations.updated(path), encoding="utf-8")
    return read_entries(path)
