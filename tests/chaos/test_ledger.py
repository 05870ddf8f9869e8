"""The judge of the chaos test is itself judged: it must see each broken promise, and only those."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.faults import KINDS, deal
from tests.chaos.harness import Sample
from tests.chaos.ledger import Fault, Ledger, wrong
from tests.chaos.report import slope

ANSWER = {"response": {"objects": [1], "asset": "http://h/a?sig=1"}, "session": "S"}
AGAIN = {"response": {"objects": [1], "asset": "http://h/a"}, "session": "S"}
OTHER = {"response": {"objects": [2], "asset": "http://h/a"}, "session": "S"}
ERROR = {"error": True, "session": "S"}
DELIVERED = {"S": [("delivered", "")]}
FAILED = {"S": [("failed", "why")]}


@pytest.fixture
def judge(tmp_path: Path) -> Any:
    """Writes a journal of one session line by line, a second between them, and judges it."""

    def judge(
        *lines: dict[str, Any], history: Any = DELIVERED, faults: list[Fault] | None = None, workflow: bool = False
    ) -> list[str]:
        journal = tmp_path / "journal"
        text = "".join(
            json.dumps({"at": float(1000 + n), "session": "S", **line}) + "\n" for n, line in enumerate(lines)
        )
        journal.write_text(text + '{"kind": "half a li')
        ledger = Ledger(journal)
        ledger.expect("S", "p", workflow=workflow)
        ledger.read()
        ledger.read()
        return wrong(ledger, history, faults or [])

    return judge


SENT = {"kind": "sent"}


def heard(data: dict[str, Any], kind: str = "response") -> dict[str, Any]:
    return {"kind": kind, "data": data}


def test_an_answer_and_the_same_again_is_right(judge: Any) -> None:
    assert judge(SENT, heard(ANSWER), heard(ANSWER), heard(AGAIN)) == []
    assert judge(SENT, heard(ERROR), history=FAILED) == []


def test_what_is_wrong_is_said(judge: Any) -> None:
    assert "no answer" in judge(SENT)[0]
    assert "2 different answers" in judge(SENT, heard(ANSWER), heard(OTHER))[0]
    assert "2 different answers" in judge(SENT, heard(ANSWER), heard(ERROR))[0]
    assert "has 0 jobs" in judge(SENT, heard(ANSWER), history={})[0]
    assert "has 2 jobs" in judge(SENT, heard(ANSWER), history={"S": [("delivered", "")] * 2})[0]
    assert "ended as running" in judge(SENT, heard(ANSWER), history={"S": [("running", "")]})[0]
    assert "the hub heard" in judge(SENT, heard(ANSWER), history=FAILED)[0]
    assert "the hub heard" in judge(SENT, heard(ERROR), history=DELIVERED)[0]
    assert "against" in judge(SENT, heard(ANSWER), {"kind": "problem", "text": "against it", "data": 1})[0]
    assert "never sent" in judge({"kind": "sent", "session": "X"}, SENT, heard(ANSWER))[0]


def test_only_a_kill_in_between_excuses_an_error_after_a_workflow_answer(judge: Any) -> None:
    lines = (SENT, heard({"answer": {}}, "annotated"), heard(ERROR))
    assert "2 different" in judge(*lines, workflow=True, history=FAILED)[0]
    assert judge(*lines, workflow=True, history=FAILED, faults=[Fault("app killed", 1001.5)]) == []
    assert judge(*lines, workflow=True, history=FAILED, faults=[Fault("hub killed", 1001.5)]) != []
    assert judge(*lines, workflow=True, history=FAILED, faults=[Fault("app asleep", 1001.5)]) != []
    assert judge(*lines, workflow=False, history=FAILED, faults=[Fault("app killed", 1001.5)]) != []


def test_a_deck_has_every_kind_that_must_be_in_it() -> None:
    first = list(KINDS)[:12]
    short, long = deal(20, random.Random(1)), deal(500, random.Random(2))
    assert set(first) <= set(short)
    assert len(short) == 20
    assert len(long) == 500
    counts = Counter(long)
    assert set(counts) == set(KINDS)
    assert max(counts.values()) - min(counts.values()) <= 2
    assert deal(500, random.Random(2)) == long


def test_the_slope_is_that_of_the_longest_life_once_its_caches_are_full() -> None:
    rising = [Sample(n, 1, n, 50 + min(n, 2900) / 100 + 2 * n / 1000, 0.0) for n in range(0, 6000, 10)]
    short = [Sample(n, 2, 6000 + n, 500.0 + n, 0.0) for n in range(0, 500, 10)]
    found = slope([*rising, *short])
    assert found is not None
    assert found[0] == pytest.approx(2.0)
    assert slope(short) is None
    assert slope([]) is None
