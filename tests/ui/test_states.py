from __future__ import annotations

from typing import Any

import pytest

from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.core.job import JobState
from desktop_app.ui import states
from desktop_app.ui.theme import tokens


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (ProfileStatus("p"), "stopped"),
        (ProfileStatus("p", ProfileState.BUSY, running=1, queued=2), "busy 3"),
        (ProfileStatus("p", ProfileState.RECONNECTING, retry_at=108.2), "reconnecting in 8 s"),
        (ProfileStatus("p", ProfileState.RECONNECTING, retry_at=99), "reconnecting"),
        (ProfileStatus("p", ProfileState.CRASHED, crashes=5), "crashed 5 times"),
        (ProfileStatus("p", ProfileState.CRASHED, crashes=1), "crashed once"),
        (ProfileStatus("p", ProfileState.LOGIN_REFUSED), "login refused"),
        (ProfileStatus("p", ProfileState.NO_SECRET), "secret missing"),
    ],
)
def test_words(status: ProfileStatus, words: str) -> None:
    assert states.profile_words(status, now=100) == words


def test_every_state_has_words_a_colour_and_a_shape(qapp: Any) -> None:
    for state in ProfileState:
        assert states.profile_words(ProfileStatus("p", state), now=0)
        assert hasattr(tokens(), states.profile_tone(state))
        image = states.shape_pixmap(states.profile_shape(state), states.profile_tone(state)).toImage()
        assert any(image.pixelColor(x, y).alpha() for x in range(image.width()) for y in range(image.height()))
        assert state in states.WORST_FIRST
    for job_state in JobState:
        assert states.job_words(job_state)
        assert hasattr(tokens(), states.job_tone(job_state))


def test_states_of_one_colour_differ_in_shape() -> None:
    good = {states.profile_shape(ProfileState.ONLINE), states.profile_shape(ProfileState.STOPPED)}
    bad = {states.profile_shape(ProfileState.RECONNECTING), states.profile_shape(ProfileState.MODEL_FAILED)}
    assert len(good | bad) == 4
    assert states.job_shape(JobState.DELIVERED) != states.job_shape(JobState.FAILED)
