"""The sessions of the demo hub: what plugins report about the jobs they were given, by socket or over HTTP."""

from __future__ import annotations

import json
from typing import Any

from desktop_app.hub.demo.sample import SampleProject
from desktop_app.hub.demo.state import (
    Annotation,
    EventKind,
    JsonObject,
    Outcome,
    Recorder,
    Session,
    SessionLog,
    Task,
    empty_answer,
)

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Sessions:
    """Takes logs, responses and annotations, checks them and files them with their session.

    Args:
        limit: how many sessions are kept; the oldest finished ones go first.
    """

    def __init__(self, recorder: Recorder, project: SampleProject, *, limit: int) -> None:
        self.all: dict[str, Session] = {}
        self._recorder = recorder
        self._project = project
        self._limit = limit
        self._by_key: dict[str, Session] = {}

    def open(self, session: Session) -> None:
        """Keeps a new session."""
        self.all[session.id] = session
        if session.api_key:
            self._by_key[session.api_key] = session
        if len(self.all) > self._limit:
            finished = (key for key, old in self.all.items() if old.done)
            self.forget(next(finished, next(iter(self.all))))

    def forget(self, session_id: str) -> None:
        """Lets a session go; its API key is valid no longer."""
        session = self.all.pop(session_id, None)
        if session is not None:
            self._by_key.pop(session.api_key, None)

    def by_api_key(self, key: str) -> Session | None:
        """The session that was given that API key, or None."""
        return self._by_key.get(key)

    def log(self, payload: Any, plugin_id: str) -> bool:
        """One `log` object; False when it is not one (which was recorded)."""
        session = self._session_of("log", payload, plugin_id)
        if session is None:
            return False
        level, message = payload.get("level"), payload.get("msg")
        if level not in LEVELS:
            self._problem(f"a log line's level is one of {', '.join(LEVELS)}", payload, plugin_id, session.id)
        if not isinstance(message, str):
            self._problem("a log line's `msg` is a text", payload, plugin_id, session.id)
        for key in ("organization", "pluginId", "runBy"):
            if key not in payload:
                self._problem(f"a log line has `{key}`", payload, plugin_id, session.id)
        session.logs.append(SessionLog(str(level), str(message), payload))
        self._recorder.add(EventKind.LOG, plugin_id=plugin_id, session=session.id, text=str(message), data=payload)
        return True

    def response(self, payload: Any, plugin_id: str) -> bool:
        """One `response` object; False when it is not one (which was recorded)."""
        session = self._session_of("response", payload, plugin_id)
        if session is None:
            return False
        failed = payload.get("error") is True
        if not failed and payload.get("response") is None:
            self._problem("a response has `response`, or `error`: true", payload, plugin_id, session.id)
            return False
        if session.workflow and not failed:
            self._problem("a workflow job is answered over HTTP, not with a response", payload, plugin_id, session.id)
        if session.responses and not same_json(session.responses[0], payload):
            self._problem("two different responses for one session", payload, plugin_id, session.id)
        session.responses.append(payload)
        if not failed and not session.workflow and len(session.responses) == 1:
            self._store(session, payload["response"])
        session.finish(Outcome.FAILED if failed else Outcome.ANSWERED)
        self._recorder.add(EventKind.RESPONSE, plugin_id=plugin_id, session=session.id, data=payload)
        return True

    def annotate(self, task: Task, body: JsonObject, query: dict[str, str], session: Session | None) -> None:
        """One annotate call whose body was checked: replaces the task's answer and moves the task on if asked to.

        It replaces, because the published clients merge before they send when `overwrite` is false. Masks that the
        call does not name stay.
        """
        answer = body["answer"]
        task.answer = {
            "tools": answer["objects"] if "objects" in answer else answer.get("tools", []),
            "classifications": answer.get("classifications", []),
            "relations": answer.get("relations", []),
        }
        task.brush_data_url = body.get("brushDataUrl") or task.brush_data_url
        task.medical_brush_data_url = body.get("medicalBrushDataUrl") or task.medical_brush_data_url
        annotation = Annotation(session.id if session else "", query, body)
        task.annotations.append(annotation)
        if annotation.next_stage:
            task.advance()
        if session is not None:
            if session.annotations and not same_json(session.annotations[0].body, body):
                self._problem("two different annotations for one session", body, session.plugin_id, session.id)
            session.annotations.append(annotation)
            session.finish(Outcome.ANNOTATED)

    def _session_of(self, event: str, payload: Any, plugin_id: str) -> Session | None:
        if not isinstance(payload, dict):
            self._problem(f"a {event} is an object", payload, plugin_id)
            return None
        session = self.all.get(payload["session"]) if isinstance(payload.get("session"), str) else None
        if session is None:
            self._problem(f"a {event} for a session that this hub did not start", payload, plugin_id)
        elif plugin_id and session.plugin_id != plugin_id:
            self._problem(f"a {event} for another plugin's session", payload, plugin_id, session.id)
            return None
        return session

    def _store(self, session: Session, response: Any) -> None:
        """Shows an interactive answer in its task, as the person at the hub would see it."""
        task = self._project.tasks.get(session.task_id or "")
        answer = answer_of(response)
        if task is not None and answer is not None:
            task.answer = answer

    def _problem(self, text: str, payload: Any, plugin_id: str, session: str = "") -> None:
        self._recorder.add(EventKind.PROTOCOL_ERROR, plugin_id=plugin_id, session=session, text=text, data=payload)


def answer_of(response: Any) -> JsonObject | None:
    """The answer in a task's form, from what any generation of the client responds, or None if it holds none.

    Facts: hub-protocol, The outcome. Batch models and other plugin kinds respond with a text.
    """
    if not isinstance(response, dict):
        return None
    answer = response.get("answer") if isinstance(response.get("answer"), dict) else response
    if not isinstance(answer, dict) or "objects" not in answer:
        return None
    lists = {"tools": answer["objects"]} | {key: answer.get(key, []) for key in ("classifications", "relations")}
    return empty_answer() | lists if all(isinstance(value, list) for value in lists.values()) else None


def same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON; true and 1 are not, 1 and 1.0 are not."""
    return json.dumps(one, sort_keys=True, default=repr) == json.dumps(other, sort_keys=True, default=repr)
