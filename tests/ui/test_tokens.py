from __future__ import annotations

import re

import pytest

from desktop_app.ui.tokens import CLASS_COLOURS, DARK, LIGHT, Tokens, class_colour, colour_names, contrast, text_on

TEXT = ("text", "muted", "accent_text", "ok", "busy", "warn", "error", "idle")
GROUNDS = ("window", "surface", "raised", "sunken", "hover", "selected")


def test_contrast_of_known_pairs() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#123456", "#123456") == pytest.approx(1)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("text", TEXT)
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_reaches_aa_on_every_ground(theme: Tokens, text: str, ground: str) -> None:
    assert contrast(getattr(theme, text), getattr(theme, ground)) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_buttons_borders_and_canvas(theme: Tokens) -> None:
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast(theme.on_accent, theme.accent_hover) >= 4.5
    assert contrast(theme.canvas_text, theme.canvas) >= 4.5
    # Outlines of controls must be seen: 3:1 (WCAG 1.4.11).
    for ground in ("surface", "window", "raised"):
        assert contrast(theme.border_strong, getattr(theme, ground)) >= 3


def test_labels_on_every_class_colour_reach_aa() -> None:
    for colour in CLASS_COLOURS:
        assert contrast(text_on(colour), colour) >= 4.5


def test_every_token_is_a_colour() -> None:
    for theme in (LIGHT, DARK):
        for name in colour_names():
            assert re.fullmatch(r"#[0-9a-f]{6}", getattr(theme, name)), name


def test_classes_keep_their_colour_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_app.ui.tokens._given", {})
    names = [f"class {number}" for number in range(len(CLASS_COLOURS) - 4)]
    first = [class_colour(name) for name in names]
    assert [class_colour(name.upper()) for name in names] == first
    assert len(set(first)) == len(first)
    assert all(class_colour(f"more {number}") in CLASS_COLOURS for number in range(40))
