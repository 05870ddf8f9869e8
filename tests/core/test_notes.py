from __future__ import annotations

from desktop_app.core.notes import Notes, quoted


def test_equal_remarks_become_one_sentence() -> None:
    notes = Notes()
    for index in range(1500):
        notes.repaired("clipped", f"objects[{index}]")
    notes.warned("odd", "relations[0]")
    notes.warned("said of nothing in particular", "")
    assert notes.repairs == ("objects[0], objects[1], objects[2] and 1,497 more: clipped",)
    assert notes.warnings == ("relations[0]: odd", "said of nothing in particular")


def test_quoted_is_one_short_printable_line() -> None:
    assert quoted("a\nb\x1b[31m") == '"a�b�[31m"'
    assert len(quoted("x" * 10_000)) == 62
    assert quoted("x" * 10_000).endswith('…"')
    assert quoted(12) == '"12"'
