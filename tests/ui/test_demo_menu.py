from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.aio import spawn
from desktop_app.core.errors import KnownError
from desktop_app.core.events import ProfileState
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.hub.attempt import try_login
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.listener import Listener, Timing
from desktop_app.ui.demo_menu import DELAY_S, HANDSHAKE_S, MANY, DemoButton
from desktop_app.ui.run_dialog import RunDialog

QUICK = Timing(heartbeat=0.5, settle=0.02, quick_drop=0.3, connect=2.0, backoff_first=0.02, backoff_limit=0.1)


def profile_of(hub: DemoHub) -> Profile:
    return Profile(name="P", host=hub.url, plugin_id="p1", source=OnnxSource(path=Path("none.onnx")))


async def _secret() -> str:
    return "s1"


@pytest.fixture
def with_demo(qtbot: Any, run: Any) -> Any:
    """Runs a scenario with a demo hub, a plugin that listens, and the menu."""

    def call(scenario: Any) -> None:
        async def whole() -> None:
            jobs: list[Any] = []
            errors: list[KnownError] = []

            async def watched(work: Any) -> None:
                try:
                    await work
                except KnownError as error:
                    errors.append(error)

            async with DemoHub() as hub:
                hub.add_plugin("p1", "s1", class_names=("bolt", "unknown"))
                listener = Listener(profile_of(hub), _secret, on_job=jobs.append, on_link=lambda _: None, timing=QUICK)
                listener.start()
                await hub.wait_online("p1")
                button = DemoButton(hub, lambda work, name: spawn(watched(work), name=name), lambda: {"p1": "Screws"})
                qtbot.addWidget(button)
                try:
                    await scenario(hub, button, listener, jobs, errors)
                finally:
                    await listener.stop()

        run(whole())

    return call


def dialog_of(button: DemoButton) -> RunDialog | None:
    return next((one for one in button.findChildren(RunDialog) if one.isVisible()), None)


def test_a_plugin_is_run_as_at_the_hub(with_demo: Any, tools: Any) -> None:
    async def scenario(hub: DemoHub, button: DemoButton, _: Any, jobs: list[Any], errors: list[Any]) -> None:
        button.run_action.trigger()
        await tools.until(lambda: dialog_of(button) is not None)
        dialog = dialog_of(button)
        assert dialog is not None
        assert dialog.plugin.currentText() == "Screws (online)"
        assert dialog.classes["bolt"].currentText() == "Bolt"
        assert dialog.classes["unknown"].currentText() == "Not mapped"
        dialog.asset.setCurrentIndex(2)
        dialog.config.setPlainText('{"confidence": 0.5}')
        dialog.run_button.click()
        await tools.until(lambda: len(jobs) == 1)
        (job,) = jobs
        assert job["configJSON"] == '{"confidence": 0.5}'
        assert job["categorySchema"] == [{"schemaId": hub.project.schema_id("bolt"), "modelClass": "bolt"}]
        assert hub.assets[2].external_id in job["dataURL"]
        assert not errors

    with_demo(scenario)


def test_an_offline_plugin_says_so(with_demo: Any, tools: Any) -> None:
    async def scenario(hub: DemoHub, button: DemoButton, listener: Any, _: Any, errors: list[Any]) -> None:
        await listener.stop()
        await hub.wait_until(lambda: not hub.online("p1"))
        button.run_action.trigger()
        await tools.until(lambda: dialog_of(button) is not None)
        dialog = dialog_of(button)
        assert dialog is not None
        assert dialog.plugin.currentText() == "Screws (offline)"
        dialog.run_button.click()
        await tools.until(lambda: len(errors) == 1)

    with_demo(scenario)


def test_failures_are_switched_on_and_off(with_demo: Any, tools: Any) -> None:
    async def scenario(hub: DemoHub, button: DemoButton, listener: Any, *_: Any) -> None:
        button.refuse.setChecked(True)
        await tools.until(lambda: listener.link.state is ProfileState.LOGIN_REFUSED)
        button.slow.setChecked(True)
        button.bad_gateway.setChecked(True)
        assert hub.faults.http_delay == DELAY_S
        fault = hub.faults.take_http_fault("/v2/annotate/x")
        assert fault is not None
        assert fault.status == 502
        assert hub.faults.refusal("p1") == "disconnect", "one switch leaves the others"
        button.normal.trigger()
        assert not button.refuse.isChecked()
        assert hub.faults.take_http_fault("/v2/annotate/x") is None
        assert hub.faults.http_delay == 0
        await hub.wait_online("p1")
        await try_login(profile_of(hub), "s1", QUICK)

    with_demo(scenario)


def test_the_hub_goes_away_and_drops_connections(with_demo: Any, tools: Any) -> None:
    async def scenario(hub: DemoHub, button: DemoButton, listener: Any, jobs: list[Any], errors: list[Any]) -> None:
        epoch = listener.epoch
        button.drop.trigger()
        await tools.until(lambda: listener.epoch > epoch)
        await hub.wait_online("p1")
        button.away.setChecked(True)
        await tools.until(lambda: str(listener.link.state) == "reconnecting")
        button.away.setChecked(False)
        await hub.wait_online("p1")
        button.broken.trigger()
        await tools.until(lambda: len(jobs) > 20)
        assert not errors

    with_demo(scenario)


def test_connections_wait_and_many_jobs_come_at_once(with_demo: Any, tools: Any) -> None:
    async def scenario(hub: DemoHub, button: DemoButton, listener: Any, jobs: list[Any], errors: list[Any]) -> None:
        button.many.trigger()
        await tools.until(lambda: len(jobs) == MANY)
        assert len({job["session"] for job in jobs}) == MANY
        epoch = listener.epoch
        button.waiting.setChecked(True)
        assert hub.faults.handshake_delay == HANDSHAKE_S
        await tools.until(lambda: listener.link.state is ProfileState.RECONNECTING)
        button.normal.trigger()
        assert hub.faults.handshake_delay == 0
        await tools.until(lambda: listener.epoch > epoch)
        await listener.stop()
        await hub.wait_until(lambda: not hub.online("p1"), 60)
        button.many.trigger()
        await tools.until(lambda: len(errors) == 1)
        assert errors[0].what == "No plugin is online at the demo hub"

    with_demo(scenario)


def test_failing_plugins_are_offered_where_they_can_be_added(with_demo: Any, tools: Any, qtbot: Any) -> None:
    async def scenario(hub: DemoHub, plain: DemoButton, *_: Any) -> None:
        added: list[str] = []

        async def add(how: str) -> None:
            added.append(how)

        button = DemoButton(hub, lambda work, name: spawn(work, name=name), dict, add)
        qtbot.addWidget(button)
        entries = [entry for entry in button.entries.actions() if entry.data()]
        for entry in entries:
            entry.trigger()
        await tools.until(lambda: added == ["load", "crash"])
        assert not any(entry.data() for entry in plain.entries.actions())

    with_demo(scenario)


def test_the_run_dialog_says_what_is_odd(with_demo: Any, tools: Any, qtbot: Any) -> None:
    async def scenario(hub: DemoHub, *_: Any) -> None:
        hub.add_plugin("p2", "s2")
        hub.add_plugin("many", "s3", class_names=tuple(f"class {number}" for number in range(80)))
        dialog = RunDialog(hub, {"p1": "Screws"})
        qtbot.addWidget(dialog)
        dialog.show()
        assert not dialog.picture.pixmap().isNull()
        dialog.config.setPlainText("{confidence: 1}")
        assert dialog.config_said.isVisible()
        assert dialog.choice()["config"] == "{confidence: 1}", "the hub takes whatever was typed"
        dialog.config.setPlainText('{"confidence": 1}')
        assert not dialog.config_said.isVisible()
        dialog.plugin.setCurrentIndex(dialog.plugin.findData("p2"))
        assert dialog.no_classes.isVisible()
        assert dialog.choice()["class_mapping"] is None
        dialog.plugin.setCurrentIndex(dialog.plugin.findData("many"))
        assert len(dialog.classes) == 80
        await tools.until(lambda: dialog.mapping_area.verticalScrollBar().maximum() > 0)
        assert dialog.height() < 700

    with_demo(scenario)
