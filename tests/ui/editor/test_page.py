from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QLineEdit

from desktop_app.core.aio import running_tasks, spawn
from desktop_app.core.errors import ModelLoadError
from desktop_app.core.profile import CallbackSource, OnnxSource, RemoteSource, Shape
from desktop_app.runner.interpreters import Interpreter
from desktop_app.runner.script_facts import ScriptFacts
from desktop_app.ui.background import Background
from desktop_app.ui.editor.checking import to_try
from desktop_app.ui.editor.page import EditorPage


@pytest.fixture
def page(qtbot: Any, host: Any, run: Any) -> Any:
    background = Background()
    page = EditorPage(host, lambda work, name: spawn(work, name=name), background)
    qtbot.addWidget(page)
    page.resize(900, 700)
    yield page
    background.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "fast_screws.onnx"
    path.write_bytes(b"onnx")
    return path


def _type(field: Any, text: str, qtbot: Any) -> None:
    field.edit.clear()
    qtbot.keyClicks(field.edit, text)


def test_a_model_is_added(page: Any, run: Any, host: Any, model: Path, qtbot: Any, tools: Any) -> None:
    async def scenario() -> None:
        page.open_new(model)
        assert page.form.kind == "onnx"
        assert page.name.value == "Fast screws"
        assert not page.save_button.isEnabled()
        await tools.until(lambda: "Ultralytics" in page.onnx.findings.summary.text())
        page.onnx.findings.copy_button.click()
        assert QGuiApplication.clipboard().text() == "bolt, nut, washer"
        _type(page.plugin_id, "abc", qtbot)
        _type(page.secret, "hush", qtbot)
        page.form.confidence.slider.setValue(40)
        page.form.shape.value = "polygon"
        await tools.until(page.save_button.isEnabled)
        saved: list[Any] = []
        page.saved.connect(lambda *args: saved.append(args))
        page.start_button.click()
        ((profile, secret, start),) = saved
        assert isinstance(profile.source, OnnxSource)
        assert profile.source.path == model
        assert (profile.plugin_id, secret, start) == ("abc", "hush", True)
        assert profile.detection.confidence == 0.4
        assert profile.detection.shape is Shape.POLYGON

    run(scenario())


def test_idle_unloading_is_shown_kept_and_forgotten(page: Any, run: Any, host: Any, model: Path, tools: Any) -> None:
    async def scenario() -> None:
        profile = tools.profile("Idle").changed(source=OnnxSource(path=model, unload_after_s=90))
        page.open_profile(profile)
        assert page.onnx.unload.box.text() == "90.0 s"
        assert page.onnx.values()["unload_after_s"] == 90
        page.open_new(model)
        assert page.onnx.unload.box.text() == "Never"
        assert page.onnx.values()["unload_after_s"] is None
        await tools.until(lambda: page.onnx.findings.summary.text() != "")

    run(scenario())


def test_a_worker_may_be_held_to_a_memory_limit(page: Any, run: Any, model: Path, tools: Any) -> None:
    async def scenario() -> None:
        page.open_profile(tools.profile("Held").changed(source=OnnxSource(path=model), memory_limit_mb=2048))
        assert page.form.memory.box.text() == "2048 MB"
        assert page.form.values()["memory_limit_mb"] == 2048
        page.form.memory.box.setValue(0)
        assert page.form.memory.box.text() == "none"
        assert page.form.values()["memory_limit_mb"] is None
        page.form.memory.box.setValue(10)
        await tools.until(lambda: not page.save_button.isEnabled())

    run(scenario())


def test_errors_show_where_they_are_and_not_before(page: Any, run: Any, host: Any, qtbot: Any, tools: Any) -> None:
    async def scenario() -> None:
        host.put(tools.profile("Taken"))
        page.open_new()
        assert not any(field.has_error for field in page.form.own_fields.values())
        _type(page.name, "taken", qtbot)
        await tools.until(lambda: page.name.has_error)
        assert page.name.message.text() == "Another plugin has this name."
        page.form.host.value = "http://hub.example"
        page.form.host.touch()
        await tools.until(lambda: page.form.host.has_error)
        assert "https" in page.form.host.message.text()
        page.form.insecure.box.click()
        await tools.until(lambda: not page.form.host.has_error)
        page.form.host.value = "nonsense"
        page.form.host.touch()
        await tools.until(lambda: "address such as" in page.form.host.message.text())
        page.onnx.path.value = "/no/such.onnx"
        page.onnx.path.touch()
        await tools.until(lambda: page.onnx.path.message.text() == "There is no file here.")

    run(scenario())


def test_a_script_fills_in_what_it_says(page: Any, run: Any, host: Any, tmp_path: Path, tools: Any, qtbot: Any) -> None:
    script = tmp_path / "plugin.py"
    script.write_text("x = 1\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").write_text("")
    python = tmp_path / ".venv" / "bin" / "python"
    host.pythons.append(Interpreter(python, "3.10.1", "venv", str(tmp_path / ".venv")))
    host.script_facts = ScriptFacts(
        script,
        host="https://eu-api.ango.ai",
        plugin_id="from-script",
        callback="run_model",
        hands_over=True,
        placeholders=("secret",),
        concurrency=3,
    )

    async def scenario() -> None:
        page.open_new(script)
        assert page.form.kind == "callback"
        assert page.form.predictions.isHidden()
        await tools.until(lambda: page.plugin_id.value == "from-script")
        assert page.form.host.value == "https://eu-api.ango.ai"
        assert page.secret.value == "", "a placeholder is no secret"
        assert page.form.concurrency.value == 3
        assert "run_model()" in page.script.findings.summary.text()
        assert page.script.findings.warnings.text() == "The script leaves open: secret. Fill it in above."
        await tools.until(lambda: page.script.python.box.count() == 2)
        profile, problems = page.candidate()
        assert not problems
        assert isinstance(profile.source, CallbackSource)
        assert profile.source.python is None
        page.script.python.box.setCurrentIndex(1)
        assert page.candidate()[0].source.python == python
        await tools.until(lambda: not running_tasks())

    run(scenario())


def test_what_a_person_typed_is_kept(page: Any, run: Any, host: Any, tmp_path: Path, tools: Any, qtbot: Any) -> None:
    script = tmp_path / "plugin.py"
    script.write_text("")
    host.script_facts = ScriptFacts(script, host="https://eu-api.ango.ai", plugin_id="from-script")

    async def scenario() -> None:
        page.open_new()
        _type(page.plugin_id, "mine", qtbot)
        page.take_file(script)
        await tools.until(lambda: page.form.host.value == "https://eu-api.ango.ai")
        assert page.plugin_id.value == "mine"
        await tools.until(lambda: not running_tasks())

    run(scenario())


def test_a_broken_model_says_why(page: Any, run: Any, host: Any, model: Path, tools: Any) -> None:
    host.fail_next = ModelLoadError("This is no ONNX file", remedy="Export it again.")

    async def scenario() -> None:
        page.open_new(model)
        await tools.until(lambda: "no ONNX file" in page.onnx.findings.summary.text())
        assert not page.onnx.findings.progress.isVisible()

    run(scenario())


def test_editing_keeps_what_the_form_does_not_show(page: Any, run: Any, tools: Any, model: Path) -> None:
    profile = tools.profile(
        "Old",
        source=OnnxSource(path=model, overrides={"family": "x"}),
        memory_limit_mb=900,
        enabled=False,
        detection={"class_confidence": {"bolt": 0.7}, "confidence": 0.333},
    )

    async def scenario() -> None:
        page.open_profile(profile)
        assert page.title.text() == "Edit Old"
        assert page.candidate() == (profile, {})
        page.open_profile(profile, copy=True)
        copied = page.candidate()[0]
        assert copied.name == "Old copy"
        assert copied.id != profile.id
        assert copied.memory_limit_mb == 900
        await tools.until(lambda: page.onnx.findings.summary.text() != "")

    run(scenario())


def test_a_server(page: Any, run: Any, tools: Any) -> None:
    async def scenario() -> None:
        page.open_profile(
            tools.profile("R", source=RemoteSource(url="http://box:8000", model="m", allow_insecure=True))
        )
        assert page.form.kind == "remote"
        assert page.candidate()[1] == {}
        page.form.remote.insecure.value = False
        assert "Use https" in page.candidate()[1]["source.url"]
        page.form.remote.url.value = "box"
        page.form.remote.model.value = ""
        assert set(page.candidate()[1]) == {"source.url", "source.model"}

    run(scenario())


def test_a_model_on_a_server_is_looked_at_tried_and_added(
    page: Any, run: Any, host: Any, qtbot: Any, tools: Any
) -> None:
    async def scenario() -> None:
        page.open_new()
        page.show()
        page.form.switch.buttons["remote"].click()
        remote = page.form.remote
        assert page.form.concurrency.value == 4, "enough for a few replicas"
        page.check()
        assert not remote.button.isEnabled()
        _type(remote.url, "https://gpu.example.com", qtbot)
        _type(remote.model, "fasteners", qtbot)
        _type(remote.token, "tok-en", qtbot)
        assert remote.token.edit.echoMode() == QLineEdit.EchoMode.Password
        await tools.until(remote.button.isEnabled)
        remote.button.click()
        await tools.until(lambda: bool(remote.found))
        assert ("inspect remote", "https://gpu.example.com fasteners tok-en") in host.calls
        said = remote.findings.reasons.text()
        assert "server: triton 2.60.0" in said
        assert "takes: images float32[?, 3, 320, 320]" in said
        assert page.preview.isVisibleTo(page)
        assert page.preview.parent() is remote
        await tools.until(lambda: bool(host.tried))
        assert host.tried[0][0].source == remote.source()
        assert host.secrets.tokens == {"preview": "tok-en"}
        _type(page.name, "Remote", qtbot)
        _type(page.plugin_id, "abc", qtbot)
        _type(page.secret, "hush", qtbot)
        await tools.until(page.save_button.isEnabled)
        saved: list[Any] = []
        page.saved.connect(lambda *args: saved.append(args))
        page.save_button.click()
        ((profile, secret, _),) = saved
        assert profile.source == RemoteSource(url="https://gpu.example.com", model="fasteners")
        assert (secret, page.token_for(profile), profile.concurrency) == ("hush", "tok-en", 4)
        assert "tok-en" not in profile.model_dump_json()
        _type(remote.model, "others", qtbot)
        assert not remote.found
        await tools.until(lambda: not page.preview.isVisibleTo(page))
        page.open_profile(profile)
        assert remote.token.value == "", "a stored token is never shown"
        assert page.token_for(profile) is None
        host.fail_next = ModelLoadError("The model server gave no answer", remedy="Check that it runs.")
        remote.button.click()
        await tools.until(lambda: "gave no answer" in remote.findings.summary.text())
        # A stored token is for its own server alone.
        host.secrets.tokens[profile.id] = "st-ored"
        for url, token, hint in (
            ("https://elsewhere.example", "", "Kept in"),
            ("https://gpu.example.com:443", "st-ored", "keep the present one"),
            ("http://[", None, "Kept in"),
        ):
            _type(remote.url, url, qtbot)
            assert hint in remote.token.message.text()
            await tools.until(lambda wanted=token is not None: remote.button.isEnabled() is wanted)
            if token is not None:
                host.calls.clear()
                remote.button.click()
                await tools.until(lambda: bool(host.calls))
                assert ("inspect remote", f"{url} fasteners {token}".rstrip()) in [
                    (a, b.rstrip()) for a, b in host.calls
                ]
        page.hide()

    run(scenario())


def test_the_secret_is_masked_until_shown(page: Any, run: Any, qtbot: Any, tools: Any) -> None:
    async def scenario() -> None:
        page.open_profile(tools.profile())
        assert page.secret.value == "", "a stored secret is never shown"
        assert page.secret.edit.echoMode() == QLineEdit.EchoMode.Password
        page.secret.reveal.click()
        assert page.secret.edit.echoMode() == QLineEdit.EchoMode.Normal
        heard: list[bool] = []
        page.cancelled.connect(lambda: heard.append(True))
        qtbot.keyClick(page, Qt.Key.Key_Escape)
        assert heard == [True]

    run(scenario())


def test_every_control_has_a_name(page: Any, run: Any) -> None:
    from PySide6.QtWidgets import QAbstractButton, QSlider

    for kind in (QLineEdit, QComboBox, QAbstractSpinBox, QSlider, QAbstractButton):
        for widget in page.findChildren(kind):
            inner = widget.objectName().startswith("qt_") or isinstance(
                widget.parent(), (QComboBox, QAbstractSpinBox, QLineEdit)
            )
            assert inner or widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text()), widget


def test_what_was_found_can_be_changed_and_tried(page: Any, run: Any, host: Any, model: Path, tools: Any) -> None:
    async def scenario() -> None:
        host.inspection = {
            "family": "yolov5",
            "task": "detect",
            "input": {"width": 320, "height": 320, "dynamic": True, "color": "rgb", "scale": 1 / 255, "channels": 3},
            "classes": ["bolt", "nut", "washer"],
            "output": {"class_count": 3},
            "confidence": "guess",
            "why": ["one sign"],
            "alternatives": ["yolov7"],
            "sure": {
                "scale": {"confidence": "guess", "why": "assumed: nothing says so"},
                "family": {"confidence": "likely", "why": "one <b>sign</b>"},
            },
        }
        page.show()
        page.open_new(model)
        await tools.until(lambda: "A guess" in page.onnx.findings.sure.text())
        findings = page.onnx.findings
        assert findings.details_button.isVisible()
        assert findings.details.isHidden()
        findings.details_button.click()
        assert findings.details.isVisible()
        assert findings.details.textFormat() == Qt.TextFormat.PlainText
        assert findings.details.text().splitlines() == [
            "· Family: likely – one <b>sign</b>",
            "· Scaling: a guess – assumed: nothing says so",
        ]
        findings.details_button.click()
        assert findings.details.isHidden()
        assert page.onnx.input.rows.isVisible()
        await tools.until(lambda: len(host.tried) == 1)
        assert host.tried[0][0].detection.confidence == page.form.confidence.value
        page.onnx.input.color.value = "bgr"
        page.onnx.input.color.touch()
        await tools.until(lambda: len(host.tried) == 2)
        assert host.tried[1][0].source.overrides == {"input": {"color": "bgr"}}
        page.onnx.input.family.value = "yolov7"
        page.onnx.input.family.touch()
        await tools.until(lambda: ("inspect", f"{model.name} yolov7") in host.calls)
        await tools.until(lambda: to_try(page.form, page._base) is not None)
        assert to_try(page.form, page._base).source.overrides == {"family": "yolov7"}
        page.preview.slider.setValue(70)
        assert page.form.confidence.value == 0.7
        page.hide()

    run(scenario())


def test_class_names_from_a_file(page: Any, run: Any, host: Any, model: Path, tools: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        host.inspection = {**host.inspection, "output": {"class_count": 3}}
        page.open_new(model)
        await tools.until(lambda: page.form.classes.lines.placeholderText() == "bolt\nnut\nwasher")
        listed = tmp_path / "data.yaml"
        assert page.takes(listed)
        page.take_file(listed)
        await tools.until(lambda: page.form.classes.value == ("bolt", "nut", "washer"))
        page.plugin_id.value = "p"
        assert page.candidate()[0].detection.classes == ("bolt", "nut", "washer")
        page.form.classes.take(("bolt",))
        await tools.until(lambda: page.form.classes.has_error)
        assert page.form.classes.message.text() == "These are 1 names; the model has 3 classes."
        host.fail_next = ModelLoadError("The class list holds no names", remedy="Give one class name per line.")
        page.take_file(listed)
        await tools.until(lambda: "holds no names" in page.form.classes.message.text())

    run(scenario())


def test_a_model_that_gives_no_annotations_is_declined(page: Any, run: Any, host: Any, model: Path, tools: Any) -> None:
    async def scenario() -> None:
        host.inspection = {
            "family": "unknown",
            "task": "unsupported",
            "input": {},
            "confidence": "likely",
            "why": ["it makes pictures larger"],
            "warnings": ["Use a detector."],
        }
        page.show()
        page.open_new(model)
        await tools.until(lambda: "it makes pictures larger" in page.onnx.findings.summary.text())
        assert page.onnx.findings.reasons.text() == "Use a detector."
        assert not page.preview.isVisible()
        page.hide()

    run(scenario())


def test_what_is_said_of_the_secret_is_true(page: Any, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        page.open_new()
        await tools.until(lambda: "keychain, never in a file" in page.secret.message.text())
        page.open_profile(tools.profile())
        assert page.secret.message.text() == "Leave empty to keep the present one."
        host.secrets.keychain = False
        page.open_new()
        await tools.until(lambda: "no keychain" in page.secret.message.text())
        page.open_profile(tools.profile("Old one"))
        assert page.secret.message.text().startswith("Leave empty to keep the present one.")
        assert "set PLUGDECK_SECRET_OLD_ONE." in page.secret.message.text()
        await tools.until(lambda: not running_tasks())

    run(scenario())


def test_a_disabled_save_says_why(page: Any, run: Any, tools: Any, qtbot: Any) -> None:
    async def scenario() -> None:
        page.open_new()
        assert not page.save_button.isEnabled()
        assert page.trouble.whole().startswith("Name: ")
        assert page.start_button.toolTip() == page.trouble.whole()
        assert page.trouble.property("kind") == "muted"
        _type(page.name, "Screws", qtbot)
        await tools.until(lambda: page.trouble.whole().startswith("Plugin id: "))
        assert page.trouble.property("kind") == "error"
        await tools.until(lambda: not running_tasks())

    run(scenario())


def test_a_plugin_is_named_after_its_file(page: Any, run: Any, model: Path, tmp_path: Path, tools: Any) -> None:
    script = tmp_path / "count_YOLO-boxes.py"
    script.write_text("x = 1")

    async def scenario() -> None:
        page.open_new()
        page.take_file(script)
        assert page.name.value == "Count YOLO boxes"
        page.take_file(model)
        assert page.name.value == "Fast screws", "nobody has typed a name yet"
        page.name.value = "Mine"
        page.take_file(script)
        assert page.name.value == "Mine"
        await tools.until(lambda: not running_tasks())

    run(scenario())


def test_the_form_opens_at_its_top(page: Any, run: Any, tools: Any) -> None:
    async def scenario() -> None:
        page.resize(700, 400)
        page.open_new()
        page.show()
        page.activateWindow()
        bar = page.area.verticalScrollBar()
        await tools.until(lambda: bar.maximum() > 0)
        bar.setValue(bar.maximum())
        page.hide()
        page.open_new()
        page.show()
        await tools.until(lambda: bar.value() == 0 and page.name.edit.hasFocus() and not running_tasks())

    run(scenario())


def test_without_a_script_the_answer_format_speaks_of_none(page: Any, run: Any, tools: Any) -> None:
    box = page.form.answer_format.box

    async def scenario() -> None:
        page.open_new()
        assert box.itemText(0) == "Current"
        assert page.form.answer_format.value == "auto"
        page.form.show_kind("callback")
        assert "script" in box.currentText()
        page.open_profile(tools.profile(answer_format="current"))
        assert (box.currentText(), page.form.answer_format.value) == ("Current", "current")
        page.open_profile(tools.profile(answer_format="flat"))
        assert page.form.answer_format.value == "flat"
        await tools.until(lambda: not running_tasks())

    run(scenario())


def test_only_what_this_machine_has_is_offered_to_run_on(
    page: Any, run: Any, host: Any, model: Path, tools: Any
) -> None:
    async def scenario() -> None:
        host.inspection["providers"] = ["cpu"]
        page.open_profile(tools.profile("V", source=OnnxSource(path=model, provider="cuda")))
        await tools.until(lambda: "Ultralytics" in page.onnx.findings.summary.text())
        box = page.onnx.provider.box
        # What the profile asks for stays, although it will fall back.
        assert [box.itemData(place) for place in range(box.count())] == ["cpu", "cuda"]
        assert page.onnx.provider.value == "cuda"

    run(scenario())


@pytest.mark.parametrize("kind", ["onnx", "callback"])
def test_tab_goes_through_the_form_as_it_is_read(page: Any, run: Any, model: Path, tools: Any, kind: str) -> None:
    async def scenario() -> None:
        page.show()
        page.open_new(model if kind == "onnx" else None)
        page.form.show_kind(kind)
        await tools.until(lambda: not running_tasks() and (kind != "onnx" or bool(page.onnx.found)))
        page.script.options.fold.click()
        page.script.options.rows.show()
        widget, places = page.name.edit, []
        while True:
            widget = widget.nextInFocusChain()
            if widget is page.name.edit:
                break
            inner = isinstance(widget.parentWidget(), (QComboBox, QAbstractSpinBox))
            stops = not inner and widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isEnabled()
            if stops and widget.isVisibleTo(page.form) and page.form.isAncestorOf(widget):
                at = widget.mapTo(page.form, widget.rect().center())
                places.append((at.y(), at.x(), widget.accessibleName()))
        assert len(places) > 10
        # Rows from above to below; within a row, whose controls differ by a few pixels, from left to right.
        for (y, x, name), (next_y, next_x, next_name) in pairwise(places):
            assert next_y > y + 8 or (abs(next_y - y) <= 40 and next_x > x), f"{next_name} after {name}"
        page.hide()
        await tools.until(lambda: not running_tasks())

    run(scenario())


def test_a_shadow_is_made_in_the_form(page: Any, run: Any, host: Any, model: Path, tools: Any, qtbot: Any) -> None:
    live = tools.profile("Live", host="https://eu-api.ango.ai", plugin_id="live-1")

    async def scenario() -> None:
        page.open_new(model)
        assert page.form.shadow_of.isHidden(), "there is no plugin that it could be a shadow of"
        host.put(live)
        host.put(tools.profile("Other shadow", shadow_of=live.id))
        page.open_new(model)
        box = page.form.shadow_of.box
        assert [box.itemText(n) for n in range(box.count())] == ["its own jobs", "along with Live, without sending"]
        await tools.until(lambda: "Ultralytics" in page.onnx.findings.summary.text())
        assert not page.save_button.isEnabled(), "without an id it answers no jobs of its own"
        box.setCurrentIndex(1)
        box.activated.emit(1)
        await tools.until(page.save_button.isEnabled)
        saved: list[Any] = []
        page.saved.connect(lambda *args: saved.append(args))
        page.save_button.click()
        ((shadow, secret, _),) = saved
        assert (shadow.shadow_of, shadow.plugin_id, secret) == (live.id, "live-1", None)
        # And it can be one no more.
        host.put(shadow)
        page.open_profile(shadow)
        assert page.form.shadow_of.value == live.id
        page.form.shadow_of.value = ""
        profile, problems = page.candidate()
        assert (problems, profile.shadow_of) == ({}, None)

    run(scenario())


def test_a_script_without_a_plugin_of_its_own_joins_the_demo(
    page: Any, run: Any, host: Any, tmp_path: Path, tools: Any
) -> None:
    script = tmp_path / "mine.py"
    script.write_text("x = 1")
    page.demo_hub = "http://127.0.0.1:9"
    own = ScriptFacts(script, host="https://eu-api.ango.ai", plugin_id="65aa", hands_over=True)

    async def scenario() -> None:
        host.script_facts = replace(own, plugin_id=None, placeholders=("plugin id", "secret"))
        page.open_new(script)
        await tools.until(lambda: page.save_button.isEnabled() and not running_tasks())
        assert (page.form.host.value, page.plugin_id.value) == (page.demo_hub, "my-plugin-1")
        host.script_facts = own
        page.open_new(script)
        await tools.until(lambda: page.plugin_id.value == "65aa")
        assert page.form.host.value == "https://eu-api.ango.ai", "it belongs to a hub already"

    run(scenario())
