"""A screen reader without a voice: reads an application through AT-SPI and uses it as a screen reader does.

A script of its own, for the Python of the system: its GObject bindings come from the distribution and are in no virtual
environment. Orders come as lines of JSON on stdin; one answer goes to stdout for each:

- `{"do": "watch", "pid": 123}`: the application to read;
- `{"do": "tree"}`: what is showing, as a list of nodes in reading order, each with the place of its parent, and after
  it the menu that is open;
- `{"do": "act", "node": 3, "action": "Press"}`: an action of a node of the last tree;
- `{"do": "type", "node": 3, "text": "…"}`: another text for a field;
- `{"do": "select", "node": 3}`: selects an entry of a list;
- `{"do": "key", "code": 135}`: a key of the keyboard, by its code in X, pressed and released.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

ENDS = 40
"""How much is read at the beginning and at the end of a long table."""
LONGEST = 4_000
"""Of a text."""

TEXTS = ("text", "password text", "entry", "paragraph")
VALUES = ("slider", "spin button", "progress bar")
WHOLE = ("combo box", "spin button", *TEXTS)
"""What is inside of them is Qt's own."""
CONTROLS = (
    *("push button", "button", "toggle button", "radio button", "check box", "page tab", "list item", "table cell"),
    *("combo box", "menu item", "check menu item", "radio menu item", "link", *TEXTS, *VALUES),
)
STATES = {
    Atspi.StateType.SENSITIVE: "enabled",
    Atspi.StateType.FOCUSABLE: "focusable",
    Atspi.StateType.FOCUSED: "focused",
    Atspi.StateType.CHECKED: "checked",
    Atspi.StateType.SELECTED: "selected",
}


class Walker:
    """Keeps the nodes of the last tree, and hears where the focus goes."""

    def __init__(self) -> None:
        self._pid = 0
        self._seen: list[Any] = []
        self._nodes: list[dict[str, Any]] = []
        self._focused: Any = None
        self._keyboard = Keyboard()
        self._listener = Atspi.EventListener.new(self._hear)
        self._listener.register("object:state-changed:focused")

    def obey(self, order: dict[str, Any]) -> Any:
        context = GLib.MainContext.default()
        while context.iteration(False):
            pass
        if order["do"] == "watch":
            self._pid = order["pid"]
            return True
        if order["do"] == "tree":
            return self._tree()
        if order["do"] == "key":
            return self._keyboard.press(order["code"])
        node = self._seen[order["node"]]
        if order["do"] == "act":
            names = action_names(node)
            return order["action"] in names and node.do_action(names.index(order["action"]))
        if order["do"] == "type":
            return node.set_text_contents(order["text"])
        return node.get_parent().select_child(node.get_index_in_parent())

    def _hear(self, event: Any) -> None:
        if event.detail1:
            self._focused = event.source

    def _tree(self) -> list[dict[str, Any]]:
        self._seen, self._nodes = [], []
        for application in self._applications():
            for window in children(application):
                self._read(window, -1)
        # An open menu is no child of anything; who reads gets there with the focus.
        if self._focused is not None:
            try:
                menu = self._focused.get_parent()
                if "menu" in menu.get_role_name():
                    self._read(menu, -1)
            except (GLib.Error, AttributeError):
                self._focused = None  # closed
        return self._nodes

    def _applications(self) -> list[Any]:
        desktop = Atspi.get_desktop(0)
        # Each look is a new one.
        desktop.set_cache_mask(Atspi.Cache.NONE)
        found = [one for one in children(desktop) if process_of(one) == self._pid]
        for one in found:
            one.set_cache_mask(Atspi.Cache.NONE)
        return found

    def _read(self, node: Any, parent: int) -> None:
        place = len(self._seen)
        try:
            states = node.get_state_set()
            if not states.contains(Atspi.StateType.SHOWING):
                return
            role = node.get_role_name()
            control = role in CONTROLS
            facts = {
                "parent": parent,
                # Later releases of AT-SPI say "button".
                "role": "button" if role == "push button" else role,
                "name": node.get_name() or "",
                "states": sorted(name for state, name in STATES.items() if states.contains(state)),
                "description": (node.get_description() or "") if control else "",
                "actions": action_names(node) if control else [],
                "text": text_of(node) if role in TEXTS else "",
            }
        except GLib.Error:
            return  # gone while it was looked at
        self._seen.append(node)
        self._nodes.append(facts)
        if role not in WHOLE:
            for child in children(node):
                self._read(child, place)


class WindowAttributes(ctypes.Structure):
    """`XWindowAttributes` of Xlib."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("x", "y", "width", "height", "border_width", "depth")),
        ("visual", ctypes.c_void_p),
        ("root", ctypes.c_ulong),
        *((name, ctypes.c_int) for name in ("kind", "bit_gravity", "win_gravity", "backing_store")),
        *((name, ctypes.c_ulong) for name in ("backing_planes", "backing_pixel")),
        ("save_under", ctypes.c_int),
        ("colormap", ctypes.c_ulong),
        *((name, ctypes.c_int) for name in ("map_installed", "map_state")),
        *((name, ctypes.c_long) for name in ("all_event_masks", "your_event_mask", "do_not_propagate_mask")),
        ("override_redirect", ctypes.c_int),
        ("screen", ctypes.c_void_p),
    )


VIEWABLE = 2
REVERT_TO_ROOT = 1


class Keyboard:
    """Presses keys; the topmost window gets them, as if there were a window manager."""

    def __init__(self) -> None:
        self._x = ctypes.CDLL("libX11.so.6")
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(None))

    def press(self, code: int) -> bool:
        self._focus()
        return bool(Atspi.generate_keyboard_event(code, None, Atspi.KeySynthType.PRESSRELEASE))

    def _focus(self) -> None:
        for window in reversed(self._windows()):
            found = WindowAttributes()
            self._x.XGetWindowAttributes(self._display, ctypes.c_ulong(window), ctypes.byref(found))
            if found.map_state == VIEWABLE:
                # What floats above the others, as a menu does, has taken the keyboard itself.
                if not found.override_redirect:
                    self._x.XSetInputFocus(self._display, ctypes.c_ulong(window), REVERT_TO_ROOT, ctypes.c_ulong(0))
                    self._x.XSync(self._display, 0)
                return

    def _windows(self) -> list[int]:
        """All windows on the screen, the topmost last."""
        root, unused, parent = (ctypes.c_ulong() for _ in range(3))
        root.value = self._x.XDefaultRootWindow(self._display)
        found, number = ctypes.POINTER(ctypes.c_ulong)(), ctypes.c_uint()
        told = (ctypes.byref(one) for one in (unused, parent, found, number))
        self._x.XQueryTree(self._display, root, *told)
        return [found[place] for place in range(number.value)]


def process_of(application: Any) -> int:
    try:
        return int(application.get_process_id())
    except GLib.Error:
        return 0


def children(node: Any) -> list[Any]:
    try:
        number = node.get_child_count()
        places = range(number) if number <= 2 * ENDS else (*range(ENDS), *range(number - ENDS, number))
        found = [node.get_child_at_index(place) for place in places]
    except GLib.Error:
        return []
    return [child for child in found if child is not None]


def action_names(node: Any) -> list[str]:
    return [Atspi.Action.get_action_name(node, place) for place in range(Atspi.Action.get_n_actions(node))]


def text_of(node: Any) -> str:
    return str(Atspi.Text.get_text(node, 0, min(Atspi.Text.get_character_count(node), LONGEST)))


def turn_on() -> None:
    """Tells the session that a screen reader runs, as one does when it starts."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for name in ("IsEnabled", "ScreenReaderEnabled"):
        values = GLib.Variant("(ssv)", ("org.a11y.Status", name, GLib.Variant("b", True)))
        told = ("org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set", values)
        bus.call_sync(*told, None, Gio.DBusCallFlags.NONE, 60_000)


def main() -> None:
    turn_on()
    Atspi.set_timeout(60_000, 60_000)
    walker = Walker()
    for line in sys.stdin:
        try:
            answer = {"answer": walker.obey(json.loads(line))}
        except GLib.Error as error:
            answer = {"error": error.message}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
