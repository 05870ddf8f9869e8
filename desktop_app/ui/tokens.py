"""The design system in numbers: colours of both themes, the spacing grid, radii and type sizes."""

from __future__ import annotations

from dataclasses import dataclass, fields

SPACE = 8
"""Grid unit in device-independent pixels; gaps are multiples of its half."""

RADIUS = 6
CONTROL_HEIGHT = 30
COMPACT_HEIGHT = 26
"""Of buttons and fields, in the comfortable and in the compact density."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Colours of one theme as `#rrggbb`. Text colours reach WCAG AA (4.5:1) on the grounds they stand on."""

    name: str
    window: str
    surface: str
    raised: str
    sunken: str
    border: str
    border_strong: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    on_accent: str
    accent_text: str
    selected: str
    hover: str
    ok: str
    busy: str
    warn: str
    error: str
    idle: str
    canvas: str
    canvas_text: str


LIGHT = Tokens(
    name="light",
    window="#f3f4f7",
    surface="#ffffff",
    raised="#ffffff",
    sunken="#f8f9fb",
    border="#dfe2e8",
    border_strong="#848c9a",
    text="#1b2028",
    muted="#59616e",
    accent="#2458d3",
    accent_hover="#1d49b3",
    on_accent="#ffffff",
    accent_text="#2053ca",
    selected="#e3ebfd",
    hover="#eef0f4",
    ok="#147043",
    busy="#2053ca",
    warn="#8a5300",
    error="#b3261e",
    idle="#59616e",
    canvas="#e6e8ec",
    canvas_text="#4e5561",
)

DARK = Tokens(
    name="dark",
    window="#15171c",
    surface="#1c1f26",
    raised="#252932",
    sunken="#181b21",
    border="#30353f",
    border_strong="#727b8a",
    text="#e7e9ee",
    muted="#a0a8b5",
    accent="#3a6ee0",
    accent_hover="#2f62d0",
    on_accent="#ffffff",
    accent_text="#86abff",
    selected="#263759",
    hover="#262a33",
    ok="#57c98b",
    busy="#86abff",
    warn="#e9ad55",
    error="#ff8a80",
    idle="#a0a8b5",
    canvas="#101216",
    canvas_text="#a0a8b5",
)

FIRST_COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#f0e442",
    "#d55e00",
    "#56b4e9",
    "#cc79a7",
    "#7b2cbf",
)
"""Told apart by everybody, colour-blind or not: those of Okabe and Ito (2008), with a purple in place of the black."""

CLASS_COLOURS = (
    *FIRST_COLOURS,
    "#2fbf71",
    "#e5484d",
    "#5c6bff",
    "#7fb800",
    "#f062a6",
    "#b8860b",
    "#17b8c4",
    "#8c564b",
)
"""Drawn on pictures when the schema brings no colour: the first for up to eight classes, then the others."""


REMEMBERED = 1000
_given: dict[str, str] = {}


def class_colour(name: str) -> str:
    """A colour for a class that stays the same on every asset, and differs from that of other classes while it can."""
    key = name.casefold()
    if key not in _given:
        if len(_given) >= REMEMBERED:
            return CLASS_COLOURS[_place(key)]
        place = _place(key)
        taken = set(_given.values())
        first, rest = len(FIRST_COLOURS), len(CLASS_COLOURS) - len(FIRST_COLOURS)
        tried = (
            *((place + step) % first for step in range(first)),
            *(first + (place + step) % rest for step in range(rest)),
        )
        free = (CLASS_COLOURS[number] for number in tried)
        _given[key] = next((colour for colour in free if colour not in taken), CLASS_COLOURS[place])
    return _given[key]


def _place(key: str) -> int:
    # Not hash(): it is salted per process, and a class would change its colour with every start.
    number = 0
    for char in key:
        number = (number * 131 + ord(char)) & 0xFFFFFFFF
    number ^= number >> 13
    return number % len(CLASS_COLOURS)


def contrast(first: str, second: str) -> float:
    """The WCAG 2 contrast ratio of two `#rrggbb` colours, 1 to 21."""
    bright, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def text_on(ground: str) -> str:
    """Black or white, whichever is read better on a `#rrggbb` ground."""
    return max("#000000", "#ffffff", key=lambda text: contrast(text, ground))


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def colour_names() -> tuple[str, ...]:
    """Every token that is a colour."""
    return tuple(field.name for field in fields(Tokens) if field.name != "name")
