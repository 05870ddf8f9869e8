"""`plugdeck jobs …`: the history."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from desktop_app.cli.output import clean, complain, print_json, say, table
from desktop_app.cli.test import tell
from desktop_app.core.compare import Comparison
from desktop_app.core.errors import KnownError, UsageError
from desktop_app.core.job import JobDetail, JobRecord, JobState
from desktop_app.host import Host
from desktop_app.jobs.export import ExportFormat, export_jobs
from desktop_app.store.batches import Outcome
from desktop_app.store.search import JobFilter

_SEE_LIST = "See: plugdeck jobs list"
FAILED_PAGE = 1000


async def run(host: Host, options: argparse.Namespace) -> int:
    """Does what the action says."""
    if options.action == "list":
        await _list(host, options)
    elif options.action == "failed":
        await _failed(host, options)
    elif options.action == "export":
        await _export(host, options)
    elif options.action == "replay":
        return await _replay(host, options)
    else:
        await _show(host, options.session)
    return 0


async def _replay(host: Host, options: argparse.Namespace) -> int:
    original = await host.replayer.find(options.session)
    profile = host.profiles.get(options.profile) if options.profile else None
    done = await host.replay(original, profile)
    if options.json:
        print_json(done.as_json())
    else:
        tell(done.result)
        if done.comparison is not None:
            say(clean(_difference(done.comparison)))
        say(f"Kept as session {done.record.session}; nothing was sent.")
    if done.result.error:
        complain(f"{done.original.session}: {done.result.error}")
    return 1 if done.result.error else 0


def _difference(found: Comparison) -> str:
    numbers = {
        "same": len(found.same),
        "moved": len(found.moved),
        "of another class": len(found.renamed),
        "gained": len(found.gained),
        "lost": len(found.lost),
        "answered differently": len(found.questions),
    }
    told = ", ".join(f"{number} {what}" for what, number in numbers.items() if number) or "nothing on either side"
    return f"Against the job's own answer: {told} ({found.agreement:.0%} agreement)."


async def _export(host: Host, options: argparse.Namespace) -> None:
    profile_id = host.profiles.get(options.profile).id if options.profile else None
    done = await export_jobs(host.history, options.file, ExportFormat(options.format), profile_id)
    say(f"Wrote {_count(done.jobs, 'job')} with {_count(done.objects, 'object')} to {options.file}.")
    for why, count in done.left_out.items():
        complain(f"Left out {count} {why}.")


async def _failed(host: Host, options: argparse.Namespace) -> None:
    records = await host.history.find_session(options.session)
    if not records:
        raise KnownError("The history has no job of that session", where=options.session, remedy=_SEE_LIST)
    failures: list[Outcome] = []
    for record in records:
        after = ""
        while page := await host.batches.failures(record.id, FAILED_PAGE, after):
            failures += page
            after = page[-1].asset_id
    if options.json:
        names = ("asset_id", "external_id", "reason")
        print_json([{name: getattr(failure, name) for name in names} for failure in failures])
    elif not failures:
        say("No asset of that session failed.")
    else:
        table([["ASSET", "ID", "REASON"], *([f.external_id, f.asset_id, f.reason] for f in failures)])


async def _list(host: Host, options: argparse.Namespace) -> None:
    profile_id = host.profiles.get(options.profile).id if options.profile else None
    state = None
    if options.state:
        try:
            state = JobState(options.state.lower())
        except ValueError:
            names = ", ".join(state.value for state in JobState)
            raise UsageError(f"There is no state {options.state!r}", remedy=f"Use one of: {names}.") from None
    records = await host.history.list(JobFilter(profile_id=profile_id, state=state), limit=options.limit)
    if options.json:
        print_json([record_json(record) for record in records])
        return
    if not records:
        say("No jobs fit." if options.state or options.profile else "No jobs yet.")
        return
    rows = [["ARRIVED", "PROFILE", "SESSION", "STATE", "MS", "ANNOTATIONS", "ERROR"]]
    for record in records:
        arrived = datetime.fromtimestamp(record.received_at).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006
        total = "" if record.timings.total is None else f"{record.timings.total:.0f}"
        state_name, found = record.state.value, str(record.objects)
        rows.append([arrived, record.profile_name, record.session, state_name, total, found, record.error[:80]])
    table(rows, right=(4, 5))


async def _show(host: Host, session: str) -> None:
    records = await host.history.find_session(session)
    if not records:
        raise KnownError("The history has no job of that session", where=session, remedy=_SEE_LIST)
    shown = [{**record_json(record), **_detail_json(await host.history.detail(record.id))} for record in records]
    print_json(shown[0] if len(shown) == 1 else shown)


def record_json(record: JobRecord) -> dict[str, Any]:
    """A job as the commands print it; the keys are stable."""
    fields = asdict(record)
    fields["profile"] = fields.pop("profile_name")
    fields["state"] = record.state.value
    fields["error"] = record.error or None
    del fields["timings"], fields["progress"], fields["batch"]
    fields["timings_ms"] = record.timings.as_dict()
    for key in ("received_at", "updated_at"):
        fields[key] = datetime.fromtimestamp(fields[key], UTC).isoformat(timespec="milliseconds")
    return fields


def _detail_json(detail: JobDetail) -> dict[str, Any]:
    return {
        "payload": detail.payload,
        "answer": detail.answer,
        "response": detail.response,
        "notes": list(detail.notes),
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
