"""What can be done with a profile without serving it: look at files, try a model, replay jobs, export answers."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from desktop_app.core.errors import ModelLoadError, ProfileError, ProfileNotFound, SecretError
from desktop_app.core.profile import Profile, RemoteSource

if TYPE_CHECKING:
    from desktop_app.core.job import JobRecord
    from desktop_app.hub.listener import Timing
    from desktop_app.jobs.export import Exported
    from desktop_app.jobs.recorder import Recorder
    from desktop_app.jobs.replay import Replay, Replayer
    from desktop_app.jobs.trial import Trial, TrialResult
    from desktop_app.runner.interpreters import Interpreter
    from desktop_app.runner.pool import Runner, RunnerState, WorkerLine
    from desktop_app.runner.script_facts import ScriptFacts
    from desktop_app.store.history import History
    from desktop_app.store.paths import DataDir
    from desktop_app.store.profiles import ProfileStore
    from desktop_app.store.search import JobFilter
    from desktop_app.store.secrets import Secrets


class Workbench:
    """The half of a `Host` that needs no listener; what it tries runs in workers of their own, and nothing is sent.

    Attributes:
        data_dir: where everything is kept.
        profiles, secrets, history: the stores.
        recorder: where lines of the log go; there once the host has started.
    """

    data_dir: DataDir
    profiles: ProfileStore
    secrets: Secrets
    history: History
    recorder: Recorder
    _timing: Timing

    @cached_property
    def replayer(self) -> Replayer:
        """Answers jobs of the history once more."""
        from desktop_app.jobs.replay import Replayer

        return Replayer(self.history, self.recorder)

    async def import_script(self, path: Path) -> ScriptFacts:
        """What a plugin script says of itself, read without running it.

        Raises:
            ProfileError: it is no readable Python file.
        """
        from desktop_app.runner.script_facts import read_script

        return await asyncio.to_thread(read_script, path)

    async def inspect(self, path: Path, *, family: str = "", picture: Path | None = None) -> dict[str, Any]:
        """What an ONNX file is and why: the object that `plugdeck inspect --json` prints.

        Args:
            family: read it as one of this family, which the person chose; "" finds it.
            picture: on which scaling and colour order are tried out where the file does not settle them.

        Raises:
            ModelLoadError: it cannot be loaded; says why.
        """
        from desktop_app.runner.inspect import inspect_model

        return await inspect_model(path, family=family, picture=picture)

    async def inspect_remote(
        self,
        source: RemoteSource,
        token: str,
        *,
        family: str = "",
        picture: Path | None = None,
    ) -> dict[str, Any]:
        """What a model on a server is and why, as `inspect` says it of a file; `server` holds what the server tells.

        Raises:
            ModelLoadError: the server cannot be reached, is not ready, or has no such model; says why.
        """
        from desktop_app.runner.inspect import inspect_remote

        return await inspect_remote(source, token, family=family, picture=picture)

    async def class_names(self, source: Path | str) -> tuple[str, ...]:
        """The class names in a file (a list, data.yaml or config.json), or in a text of the same forms.

        Raises:
            ModelLoadError: it cannot be read, or holds none.
        """
        from desktop_app.runner.inspect import read_class_list

        if isinstance(source, Path):
            return await read_class_list(source)
        with tempfile.TemporaryDirectory(prefix="plugdeck-classes-") as folder:
            path = Path(folder) / "pasted.txt"
            await asyncio.to_thread(path.write_text, source, encoding="utf-8")
            try:
                return await read_class_list(path)
            except ModelLoadError as error:
                raise ModelLoadError(error.what, remedy=error.remedy) from None

    async def test_connection(self, profile: Profile, secret: str | None = None) -> str:
        """Logs in at the hub once, as the profile would; returns a sentence for people.

        Args:
            secret: None takes the one that is kept.

        Raises:
            SecretError: there is none.
            LoginRefused, HubUnreachable: see `try_login`.
            ProfileError: the host is not https.
        """
        from desktop_app.hub.attempt import try_login

        check_host(profile)
        if secret is None:
            secret = await self._secret(profile)
        await try_login(profile, secret, self._timing)
        return f"{urlsplit(profile.host).netloc} has taken the login."

    async def test(
        self,
        profile: Profile,
        files: Sequence[Path],
        config: str | None = None,
        mapping: Mapping[str, str] | None = None,
    ) -> list[TrialResult]:
        """Runs local files through a profile, in a worker of its own; nothing is sent.

        Raises:
            ModelLoadError: the model cannot be loaded.
        """
        from desktop_app.jobs.trial import run_files

        return await run_files(profile, self._trial_runner(profile), files, config, mapping)

    def trial(self, profile: Profile) -> AbstractAsyncContextManager[Trial]:
        """The same for one file after the other: the model stays loaded for as long as the block lasts.

        Raises:
            ModelLoadError: the model cannot be loaded.
        """
        from desktop_app.jobs.trial import trial

        return trial(profile, self._trial_runner(profile))

    async def replay(self, original: JobRecord, profile: Profile | None = None) -> Replay:
        """Answers a job of the history once more, in a worker of its own; nothing is sent.

        Args:
            profile: what answers it; None: its own one.

        Raises:
            ProfileNotFound: its own one is gone.
            AssetError, JobError, ModelLoadError: see `Replayer.replay`.
        """
        original = await self.replayer.root(original)
        profile = profile or self._own_profile(original)
        return await self.replayer.replay(original, profile, self._trial_runner(profile))

    async def export(
        self, target: Path, form: str, wanted: JobFilter, jobs: Sequence[JobRecord] = (), *, assets: bool = False
    ) -> Exported:
        """Writes answers for training code: of the delivered jobs that a filter picks, or of the named ones.

        Raises:
            KnownError: see `export_jobs`.
        """
        from desktop_app.jobs.export import ExportFormat, export_jobs

        return await export_jobs(self.history, target, ExportFormat(form), wanted=wanted, jobs=jobs, assets=assets)

    async def find_pythons(self, script: Path | None) -> list[Interpreter]:
        """The Pythons of this machine, the bundled one first, and what each lacks for a script."""
        from desktop_app.runner.interpreters import find_interpreters

        return await find_interpreters(script)

    async def look_at_python(self, path: Path | None, script: Path | None) -> Interpreter:
        """One Python, None being the bundled one, and what it lacks for a script.

        Raises:
            ProfileError: it cannot be started, is no Python, or is older than 3.8.
        """
        from desktop_app.runner.interpreters import look_at

        return await look_at(path, script)

    async def draw_overlay(self, result: TrialResult, out: Path) -> dict[str, Any]:
        """Draws a tested file's answer on it, into a PNG.

        Returns:
            `{"width", "height", "objects", "left_out"}`: the drawing's size in pixels, how many objects are on it,
            and how many are not, for they have no place on this picture.

        Raises:
            ModelError: the picture cannot be read or the drawing not written; says why.
        """
        from desktop_app.runner.inspect import ask_worker

        overlay = {"asset": str(result.file), "answer": result.answer, "out": str(Path.cwd() / out)}
        return await ask_worker({"type": "load", "overlay": overlay})

    def _runner(
        self,
        profile: Profile,
        on_log: Callable[..., None],
        on_state: Callable[[RunnerState], None],
        *,
        patient: bool = True,
    ) -> Runner:
        from desktop_app.runner.pool import Runner

        async def token() -> str:
            return await self.secrets.token(profile) or ""

        return Runner(
            profile,
            scratch=self.data_dir.root / "scratch",
            secrets=self.secrets.known,
            on_log=on_log,
            on_state=on_state,
            token=token,
            patient=patient,
        )

    def _own_profile(self, record: JobRecord) -> Profile:
        for profile in self.profiles.all():
            if profile.id == record.profile_id:
                return profile
        raise ProfileNotFound(
            "The plugin that answered this job is gone",
            where=record.profile_name,
            remedy="Replay it with another one.",
        )

    def _trial_runner(self, profile: Profile) -> Runner:
        def said(line: WorkerLine) -> None:
            self.recorder.log(line.level, line.message, profile=profile, source=line.source, details=line.details)

        return self._runner(profile, said, lambda _: None, patient=False)

    async def _secret(self, profile: Profile) -> str:
        secret = await self.secrets.get(profile)
        if secret is None:
            raise SecretError(
                f"There is no secret for {profile.name}",
                remedy=f"Enter it in the profile, or set {profile.secret_variable}.",
            )
        return secret


def check_host(profile: Profile) -> None:
    """The secret and every asset's address go to the host in the clear, if it is plain http."""
    if urlsplit(profile.host).scheme != "https" and not profile.is_loopback and not profile.allow_insecure_host:
        raise ProfileError(
            "The host is plain http, so anybody on the way could read the plugin's secret",
            where=profile.host,
            remedy="Use its https address, or allow the insecure host explicitly (--allow-insecure-host).",
        )
