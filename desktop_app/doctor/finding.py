"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a check ended, the worst last."""

    SKIPPED = "skipped"
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


_ORDER = tuple(Outcome)


class Check(StrEnum):
    """What is checked, in the order in which it is shown."""

    PROXY = "proxy"
    RESOLUTION = "resolution"
    TCP = "tcp"
    TLS = "tls"
    HANDSHAKE = "handshake"
    CLOCK = "clock"
    SECRET = "secret"  # noqa: S105 - a check
    LOGIN = "login"
    JOBS = "jobs"
    MODEL = "model"
    INTERPRETER = "interpreter"
    KEYCHAIN = "keychain"
    DISK = "disk"
    PROVIDERS = "providers"


TITLES = {
    Check.PROXY: "Proxy",
    Check.RESOLUTION: "Name resolution",
    Check.TCP: "Connection (TCP)",
    Check.TLS: "Encryption (TLS)",
    Check.HANDSHAKE: "Handshake",
    Check.CLOCK: "Clock",
    Check.SECRET: "Secret",
    Check.LOGIN: "Login",
    Check.JOBS: "Jobs",
    Check.MODEL: "Model",
    Check.INTERPRETER: "Interpreter",
    Check.KEYCHAIN: "Keychain",
    Check.DISK: "Disk space",
    Check.PROVIDERS: "Execution providers",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's outcome.

    Attributes:
        about: the hub's address or the profile's name; "" for this machine.
        saw: what was seen, in a sentence.
        remedy: what to do, in a sentence; "" where nothing is to be done.
        ms: how long it took.
    """

    check: Check
    about: str
    outcome: Outcome
    saw: str
    remedy: str = ""
    ms: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """With the keys that `plugdeck doctor --json` documents."""
        return {
            "check": self.check.value,
            "about": self.about,
            "outcome": self.outcome.value,
            "saw": self.saw,
            "remedy": self.remedy,
            "ms": round(self.ms, 1),
        }


def worst(findings: list[Finding]) -> Outcome:
    """The worst outcome of all; OK for none."""
    return max((finding.outcome for finding in findings), key=_ORDER.index, default=Outcome.OK)
