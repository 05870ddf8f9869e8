"""All checks, side by side: the network to each hub, each profile, and this machine."""

from __future__ import annotations

import asyncio
import logging
import platform
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence

from desktop_app.core.errors import KnownError, LoginRefused, SecretError
from desktop_app.core.events import ProfileState
from desktop_app.core.profile import CallbackSource, Profile, RemoteSource
from desktop_app.core.resources import resource
from desktop_app.doctor.finding import Check, Finding, Outcome
from desktop_app.doctor.network import NetworkExam
from desktop_app.host import Host
from desktop_app.runner.interpreters import look_at

log = logging.getLogger(__name__)

AT_ONCE = 4
LIMIT_S = 40.0
"""Longest time of one check; a keychain may ask the person for 30 s."""
QUIET_S = 3600.0
"""Online for so long without a job needs an explanation."""
LOW_MB, TOO_LOW_MB = 2_000, 200

_ORDER = tuple(Check)
_ONLINE = (ProfileState.ONLINE, ProfileState.BUSY)
_UNDER_WAY = (ProfileState.LOADING, ProfileState.CONNECTING)


async def examine(
    host: Host,
    profiles: Sequence[Profile],
    tell: Callable[[Finding], None] = lambda _: None,
    *,
    make_network: Callable[[str, Callable[[Finding], None]], NetworkExam] = NetworkExam,
) -> list[Finding]:
    """Examines these profiles, their hubs and this machine; cancelling ends every check.

    Args:
        tell: hears of each finding as soon as it is made.

    Returns:
        All findings: hub by hub, profile by profile, then this machine, each in the order of the checks.
    """
    exam = _Exam(host, tell, make_network)
    hubs = dict.fromkeys(profile.host for profile in profiles)
    async with asyncio.TaskGroup() as group:
        for address in hubs:
            group.create_task(exam.hub(address, [profile for profile in profiles if profile.host == address]))
        for profile in profiles:
            group.create_task(exam.model(profile))
        for check, work in (
            (Check.INTERPRETER, exam.interpreter),
            (Check.KEYCHAIN, exam.keychain),
            (Check.DISK, exam.disk),
            (Check.PROVIDERS, exam.providers),
        ):
            group.create_task(exam.one(check, "", work))
    places = [*hubs, *(profile.name for profile in profiles), ""]
    return sorted(exam.findings, key=lambda f: (places.index(f.about), _ORDER.index(f.check)))


_Verdict = tuple[Outcome, str, str]


class _Exam:
    def __init__(
        self,
        host: Host,
        tell: Callable[[Finding], None],
        make_network: Callable[[str, Callable[[Finding], None]], NetworkExam],
    ) -> None:
        self._host = host
        self._told = tell
        self._make_network = make_network
        self._room = asyncio.Semaphore(AT_ONCE)
        self.findings: list[Finding] = []

    def tell(self, finding: Finding) -> None:
        """Keeps a finding and passes it on."""
        self.findings.append(finding)
        self._told(finding)

    async def one(self, check: Check, about: str, work: Callable[[], Awaitable[_Verdict]]) -> Outcome:
        """One check with its limit; whatever it raises is an outcome too."""
        async with self._room:
            began = time.monotonic()
            try:
                async with asyncio.timeout(LIMIT_S):
                    outcome, saw, remedy = await work()
            except TimeoutError:
                outcome, saw, remedy = (
                    Outcome.FAILED,
                    f"There was no answer within {LIMIT_S:.0f} seconds.",
                    "Try again.",
                )
            except KnownError as error:
                where = f" ({error.where})" if error.where and error.where != about else ""
                outcome, saw, remedy = Outcome.FAILED, f"{error.what.rstrip('.')}{where}.", error.remedy
            except Exception as error:
                log.exception("the check %s failed", check)
                saw = f"The check itself failed ({type(error).__name__})."
                outcome, remedy = Outcome.WARNING, "Copy the diagnostics and send them to who maintains Plugdeck."
            self.tell(Finding(check, about, outcome, saw, remedy, (time.monotonic() - began) * 1000))
            return outcome

    async def hub(self, address: str, profiles: Sequence[Profile]) -> None:
        """The way to one hub, then the login of each profile there."""
        async with self._room:
            good = await self._make_network(address, self.tell).run()
        async with asyncio.TaskGroup() as group:
            for profile in profiles:
                group.create_task(self._account(profile, good))

    async def _account(self, profile: Profile, reachable: bool) -> None:
        secret = await self.one(Check.SECRET, profile.name, lambda: self._secret(profile))
        if secret is Outcome.FAILED or not reachable:
            why = "Its secret is missing." if secret is Outcome.FAILED else "The hub cannot be reached."
            self.tell(Finding(Check.LOGIN, profile.name, Outcome.SKIPPED, why))
        else:
            await self.one(Check.LOGIN, profile.name, lambda: self._login(profile))
        await self.one(Check.JOBS, profile.name, lambda: self._jobs(profile))

    async def model(self, profile: Profile) -> None:
        """A profile's model, and the Python that it runs in."""
        source = profile.source
        if isinstance(source, CallbackSource):
            await self.one(Check.INTERPRETER, profile.name, lambda: self._python_of(source))
        await self.one(Check.MODEL, profile.name, lambda: self._model(profile))

    # ---- one profile ----

    async def _secret(self, profile: Profile) -> _Verdict:
        if await self._host.secrets.get(profile) is None:
            raise SecretError(
                "There is no secret for this plugin",
                remedy=f"Enter it in the plugin, or set the environment variable {profile.secret_variable}.",
            )
        return Outcome.OK, "There is a secret for it.", ""

    async def _login(self, profile: Profile) -> _Verdict:
        status = self._host.status(profile.id)
        if status.state in _ONLINE:
            since = self._host.online_since.get(profile.id)
            return Outcome.OK, f"It has been online{_for(since)}." if since else "It is online.", ""
        if status.state is ProfileState.LOGIN_REFUSED:
            raise LoginRefused(
                "The hub closes the connection right after the login", remedy="Check plugin id and secret."
            )
        if status.state in _UNDER_WAY:
            # A second login could be given jobs that nobody here runs.
            return Outcome.SKIPPED, f"It is being started ({status.state}).", ""
        if status.state is ProfileState.RECONNECTING:
            return Outcome.WARNING, f"It is connecting again. {status.detail}".strip(), "See what is said of its hub."
        other = self._host.served_by()
        if other:
            return Outcome.SKIPPED, f"{other[:1].upper()}{other[1:]} serves it now; see there.", ""
        return Outcome.OK, await self._host.test_connection(profile), ""

    async def _jobs(self, profile: Profile) -> _Verdict:
        online = self._host.online_since.get(profile.id) or self._host.served_since()
        stats = await self._host.history.stats(profile.id, 0.0)
        if online is None:
            if stats.jobs:
                return Outcome.OK, f"It was given {stats.jobs} jobs so far.", ""
            return Outcome.SKIPPED, "It is not connected now.", ""
        lately = await self._host.history.stats(profile.id, online)
        if lately.jobs or time.time() - online < QUIET_S:
            jobs = f"{lately.jobs} jobs" if lately.jobs != 1 else "1 job"
            return Outcome.OK, f"It was given {jobs} since it began{_for(online, ' ago')}.", ""
        never = "has never been given a job" if not stats.jobs else "has been given no job since"
        remedy = (
            "In the hub, look whether the plugin is active in the project (its workflow stage, or Run on an asset),"
            " and whether another program logs in with the same plugin id and takes the jobs."
        )
        return Outcome.WARNING, f"It is connected{_for(online)} and {never}.", remedy

    async def _model(self, profile: Profile) -> _Verdict:
        source = profile.source
        if isinstance(source, CallbackSource):
            await self._host.import_script(source.script)
            return Outcome.OK, f"The script {source.script.name} can be read.", ""
        if isinstance(source, RemoteSource):
            return await self._remote(profile, source)
        found = await self._host.inspect(source.path)
        saw = f"{source.path.name}: {found.get('family')}, {found.get('task')}."
        providers = [str(name).lower() for name in found.get("providers") or ()]
        if providers and source.provider.lower() not in providers:
            return (
                Outcome.WARNING,
                f"{saw} It is to run on {source.provider.upper()}, which is not there.",
                f"Choose one of: {', '.join(providers)}; or install the drivers and onnxruntime for it.",
            )
        return Outcome.OK, saw, ""

    async def _remote(self, profile: Profile, source: RemoteSource) -> _Verdict:
        """A model server: reached, ready, the token taken, the model told of and run once."""
        found = await self._host.inspect_remote(source, await self._host.secrets.token(profile) or "")
        server = found.get("server") or {}
        saw = f"{server.get('server') or 'The server'} at {source.url} runs {source.model}: "
        saw += f"{found.get('family')}, {found.get('task')}."
        if found.get("task") == "unsupported":
            return Outcome.FAILED, saw, "Use a detector, segmenter, pose model or classifier."
        return Outcome.OK, saw if server.get("binary") else f"{saw} It takes tensors as JSON only, which is slow.", ""

    async def _python_of(self, source: CallbackSource) -> _Verdict:
        found = await look_at(source.python, source.script)
        if found.missing:
            return Outcome.FAILED, f"{found.label} lacks {', '.join(found.missing)}.", f"Run: {found.remedy}"
        return Outcome.OK, f"{found.label} has all that the script imports.", ""

    # ---- this machine ----

    async def interpreter(self) -> _Verdict:
        """The bundled Python."""
        found = await look_at(None)
        return Outcome.OK, f"{found.label}, {platform.system()} {platform.machine()}.", ""

    async def keychain(self) -> _Verdict:
        """Whether secrets can be kept."""
        try:
            name = await self._host.secrets.probe()
        except SecretError as error:
            # Plugins run all the same, with secrets from the environment.
            return Outcome.WARNING, f"{error.what.rstrip('.')}.", error.remedy
        return Outcome.OK, f"The keychain keeps secrets ({name}).", ""

    async def disk(self) -> _Verdict:
        """Whether history, answers and assets have room."""
        root = self._host.data_dir.root
        free = (await asyncio.to_thread(shutil.disk_usage, root)).free / 1e6
        saw = f"{free / 1000:.1f} GB are free where Plugdeck keeps its data."
        if free < TOO_LOW_MB:
            return Outcome.FAILED, saw, "Free some space: answers cannot be kept until they are delivered."
        if free < LOW_MB:
            return Outcome.WARNING, saw, "Free some space, or make the asset cache smaller in the settings."
        return Outcome.OK, saw, ""

    async def providers(self) -> _Verdict:
        """What ONNX models can run on here, seen by a worker that loads one."""
        found = await self._host.inspect(resource("demo", "fasteners.onnx"))
        names = ", ".join(str(name).upper() for name in found.get("providers") or ()) or "CPU"
        return Outcome.OK, f"ONNX models can run on: {names}.", ""


def _for(since: float | None, behind: str = "") -> str:
    if since is None:
        return ""
    minutes = max(0, int(time.time() - since) // 60)
    if minutes < 1:
        return f" less than a minute{behind}" if behind else " for less than a minute"
    hours, rest = divmod(minutes, 60)
    words = f"{hours} h {rest} min" if hours else f"{minutes} min"
    return f" {words}{behind}" if behind else f" for {words}"
