"""A job's Config JSON: what the person who runs the plugin typed into the hub's field of that name."""

from __future__ import annotations

import json
from typing import Any

INSTEAD = 'The plugin\'s own settings are used. It must be an object, such as {"confidence": 0.4}.'


def read_config(value: Any) -> tuple[dict[str, Any], str]:
    """The settings that a `configJSON` holds, and what is wrong with it.

    Args:
        value: as the hub sends it: text, or an object already; None or blank where nobody typed anything.

    Returns:
        The object, {} where there is none; and "" or one sentence that says what is wrong and where.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}, ""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            return {}, f"The Config JSON cannot be read ({place}: {error.msg}). {INSTEAD}"
        except (ValueError, RecursionError):
            return {}, f"The Config JSON cannot be read. {INSTEAD}"
    if isinstance(value, dict):
        return value, ""
    kinds = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    kind = kinds.get(type(value), "null" if value is None else "something else")
    return {}, f"The Config JSON is {kind}. {INSTEAD}"
