"""`plugdeck doctor`: why does a plugin get no jobs?"""

from __future__ import annotations

import argparse

from desktop_app.cli.output import clean, print_json, say
from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.doctor.exam import examine
from desktop_app.doctor.finding import TITLES, Finding, Outcome, worst
from desktop_app.host import Host

_WORDS = {Outcome.OK: "ok", Outcome.WARNING: "warning", Outcome.FAILED: "FAILED", Outcome.SKIPPED: "skipped"}


async def run(host: Host, options: argparse.Namespace) -> int:
    """Examines the named profile, or all of them; exit code 1 if anything failed."""
    profiles = [host.profiles.get(options.profile)] if options.profile else list(host.profiles.all())
    exam = spawn(examine(host, profiles), name="doctor")
    try:
        findings = await exam
    finally:
        await cancel_and_wait(exam)
    outcome = worst(findings)
    if options.json:
        print_json({"outcome": outcome.value, "checks": [finding.as_json() for finding in findings]})
    else:
        _tell(findings)
    return 1 if outcome is Outcome.FAILED else 0


def _tell(findings: list[Finding]) -> None:
    width = max(len(title) for title in TITLES.values())
    about: str | None = None
    for finding in findings:
        if finding.about != about:
            if about is not None:
                say("")
            about = finding.about
            say(clean(about or "This computer"))
        say(f"  {_WORDS[finding.outcome]:<8} {TITLES[finding.check]:<{width}}  {clean(finding.saw)}")
        if finding.remedy:
            say(f"  {'':<8} {'':<{width}}  → {clean(finding.remedy)}")
    failed = sum(1 for finding in findings if finding.outcome is Outcome.FAILED)
    warned = sum(1 for finding in findings if finding.outcome is Outcome.WARNING)
    say(f"\n{failed} failed, {warned} to look at, {len(findings)} checks.")
