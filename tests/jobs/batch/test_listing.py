from __future__ import annotations

from desktop_app.jobs.batch.listing import item_of


def test_texts_that_no_request_can_carry_count_as_none() -> None:
    """Half a character, which JSON may hold, could neither be kept nor sent: it would end every run at this asset."""
    item = item_of({"_id": "a1", "externalId": "\ud800", "data": "https://s/a1"})
    assert item is not None
    assert (item.id, item.external_id, item.url) == ("a1", "", "https://s/a1")
    assert item_of({"_id": "\ud800", "externalId": "x"}) is None
    assert item_of({"_id": 7}) is None
