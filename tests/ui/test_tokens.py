from __future__ import annotations

import itertools
import math
import re

import pytest

from desktop_app.ui.tokens import (
    CLASS_COLOURS,
    DARK,
    FIRST_COLOURS,
    LIGHT,
    Tokens,
    class_colour,
    colour_names,
    contrast,
    text_on,
)

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


SEEN_BY = {
    "most": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopes": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopes": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopes": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""How linear RGB is seen: Machado, Oliveira and Fernandes (2009), severity 1."""


def lab(colour: str, eyes: str) -> tuple[float, float, float]:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, linear, strict=True)))) for row in SEEN_BY[eyes]
    )
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_the_first_colours_are_told_apart_by_everybody(eyes: str) -> None:
    for one, other in itertools.combinations(FIRST_COLOURS, 2):
        assert math.dist(lab(one, eyes), lab(other, eyes)) >= 15, (one, other)


def test_up_to_eight_classes_have_the_first_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desktop_app.ui.tokens._given", {})
    assert {class_colour(name) for name in ["bolt", "nut", "washer", "screw", "pin", "clip", "ring", "plate"]} == set(
        FIRST_COLOURS
    )
