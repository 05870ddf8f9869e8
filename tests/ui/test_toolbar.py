from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.ui.theme import apply_theme
from desktop_app.ui.toolbar import Toolbar


@pytest.mark.parametrize("density", ["comfortable", "compact"])
def test_everything_with_a_frame_stands_on_one_line(qapp: QApplication, qtbot: Any, density: Any) -> None:
    apply_theme(qapp, "light", density)
    try:
        bar = Toolbar()
        qtbot.addWidget(bar)
        bar.resize(1200, 52)
        bar.show_running(1, 1)
        bar.show()
        framed = (bar.start_button, bar.test_button, bar.live, bar.history, bar.text)
        assert len({(part.geometry().top(), part.height()) for part in framed}) == 1
    finally:
        apply_theme(qapp, "light", "comfortable")
