"""A job as a command for a terminal: the call by which a hub gives it to a plugin over REST.

Over the socket a job is an event, which no command line can send; the REST connector takes the same object by
`POST /plugin` (facts: hub-protocol, REST connector), so this is the form in which a job can be run again by hand,
against `plugdeck run PROFILE --rest` or any other plugin. A workflow job is followed by the call that handed its
answer to the hub. Secrets are not kept, so variables stand where they were: the shell fills them in. The address of
the asset has lost its signature.
"""

from __future__ import annotations

import json
import shlex
import uuid
from typing import Any
from urllib.parse import quote

from desktop_app.core.job import JobDetail, JobRecord
from desktop_app.ui.inspector.json_view import SECRET_KEYS

MASKS = frozenset({"•••", "••••••"})


def curl_of(record: JobRecord, detail: JobDetail) -> str:
    """The command, or "" where what was received was not kept. Nothing of the job is read by the shell."""
    if not isinstance(detail.payload, dict):
        return ""
    lines = [
        "# PLUGIN_URL: such as http://127.0.0.1:8080 (plugdeck run PROFILE --rest); PLUGIN_SECRET: its secret;",
        "# API_KEY: of the person who runs it. Add the signature that dataURL needs, if any.",
        'curl -X POST "$PLUGIN_URL/plugin" -H "Secret: $PLUGIN_SECRET" -H "Content-Type: application/json" \\',
        f"  --data-raw {_quoted(detail.payload)}",
    ]
    if record.workflow and isinstance(detail.response, dict) and record.task_id:
        path = f"/v2/annotate/{quote(record.task_id, safe='')}?nextStage=true&isPlugin=true"
        lines += [
            "# The answer of this workflow job, as it was handed in:",
            f'curl -X POST "$HUB_URL"{shlex.quote(path)} -H "apikey: $API_KEY" -H "Content-Type: application/json" \\',
            f"  --data-raw {_quoted(detail.response)}",
        ]
    return "\n".join(lines) + "\n"


def _quoted(value: Any) -> str:
    """JSON in single quotes, with variables where secrets were. Plain ASCII: no character can act on a terminal."""
    marks: dict[str, str] = {}
    text = json.dumps(_with_marks(value, marks), separators=(",", ":"), default=str)
    quoted = shlex.quote(text)
    for mark, variable in marks.items():
        quoted = quoted.replace(mark, f"'\"${variable}\"'")
    return quoted


def _with_marks(value: Any, marks: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _with_marks(part, marks, str(name)) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_marks(part, marks) for part in value]
    if isinstance(value, str) and value and (value in MASKS or key.casefold() in SECRET_KEYS):
        mark = uuid.uuid4().hex  # nothing in a job can pass for it
        marks[mark] = "API_KEY" if key.casefold() in ("apikey", "api_key") else "SECRET"
        return mark
    return value
