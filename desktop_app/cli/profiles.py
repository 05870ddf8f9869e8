"""`plugdeck profiles …`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from desktop_app.cli.models import existing_file, profile_of, token_of
from desktop_app.cli.output import complain, print_json, say, table
from desktop_app.core.errors import ModelLoadError, ProfileError, UsageError
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile, RemoteSource
from desktop_app.host import Host
from desktop_app.runner.launch import ModelAway
from desktop_app.runner.script_facts import ScriptFacts


async def run(host: Host, options: argparse.Namespace) -> int:
    """Does what the action says."""
    actions = {
        "list": _list, "show": _show, "remove": _remove, "export": _export, "import": _import, "add": _add,
        "api-key": _api_key,
    }  # fmt: skip
    await actions[options.action](host, options)
    return 0


async def _list(host: Host, options: argparse.Namespace) -> None:
    profiles = host.profiles.all()
    if options.json:
        print_json([_public(profile) for profile in profiles])
    elif not profiles:
        say("There are no profiles yet. Add one: plugdeck profiles add NAME --host URL --id ID --onnx FILE")
    else:
        rows = [["NAME", "ENABLED", "HOST", "PLUGIN ID", "MODEL"]]
        rows += [[p.name, "yes" if p.enabled else "no", p.host, p.plugin_id, _model(p)] for p in profiles]
        table(rows)


async def _show(host: Host, options: argparse.Namespace) -> None:
    print_json(_public(host.profiles.get(options.name)))


async def _remove(host: Host, options: argparse.Namespace) -> None:
    profile = host.profiles.get(options.name)
    await host.remove_profile(profile.id)
    say(f"Removed {profile.name}.")


async def _export(host: Host, options: argparse.Namespace) -> None:
    profile = host.profiles.get(options.name)
    text = host.profiles.export_text(profile)
    file = options.output or options.file
    if file is None:
        say(text.rstrip())
        if sys.stdout.isatty():  # a pipe or a file takes it as it is
            complain(f"To keep {profile.name}, name a file: plugdeck profiles export NAME FILE. Its secret stays here.")
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ProfileError(
            f"The file cannot be written: {error.strerror}", where=str(file), remedy="Name another one."
        ) from error
    say(f"Wrote {profile.name} to {file}, without its secret.")


async def _import(host: Host, options: argparse.Namespace) -> None:
    profile = await host.import_profile(options.file)
    say(
        f"Added {profile.name}. Its secret is not in the file: "
        f"set {profile.secret_variable}, or enter it in the window."
    )
    if isinstance(profile.source, RemoteSource):
        say(f"Where its model server wants a token, set {profile.token_variable}, or enter it in the window.")


async def _api_key(host: Host, options: argparse.Namespace) -> None:
    profile = host.profiles.get(options.name)
    if options.forget:
        await host.secrets.delete_api_key(profile)
        say(f"The API key of {profile.name} is forgotten.")
        return
    await host.secrets.put_api_key(profile, _given("API key", stdin=options.key_stdin, variable=options.key_env) or "")
    say(f"The API key of {profile.name} is kept; its runs over projects go on after a restart.")


async def _add(host: Host, options: argparse.Namespace) -> None:
    hub, plugin_id, secret = options.host, options.plugin_id, _secret(options)
    facts = None
    if options.from_script:
        if options.script is None:
            raise UsageError("--from-script needs a script", remedy="Add --script FILE.")
        facts = await host.import_script(existing_file(options.script))
        hub, plugin_id, secret = hub or facts.host, plugin_id or facts.plugin_id, secret or facts.secret
    # With any address: whatever else is wrong with the profile is told first.
    profile = await profile_of(options.name, hub or "https://unknown", plugin_id or "unknown", options)
    live = host.profiles.get(options.shadow_of) if options.shadow_of else None
    if live is not None:
        # It never logs in, so it needs no secret; where it would, if it were no shadow any more, is kept.
        profile = profile.changed(
            shadow_of=live.id, host=hub or live.host, plugin_id=plugin_id or live.plugin_id,
            allow_insecure_host=live.allow_insecure_host or profile.allow_insecure_host,
        )  # fmt: skip
        await _look_at_model(host, profile, options)
        complaint = await host.add_profile(profile, secret, token_of(options))
        if complaint:
            complain(complaint)
        say(f"Added {profile.name}, a shadow of {live.name}: it answers the same jobs, and nothing of it is sent.")
        return
    in_environment = os.environ.get(profile.secret_variable, "").strip()
    missing = [
        name
        for name, value in (("host", hub), ("plugin id", plugin_id), ("secret", secret or in_environment))
        if not value
    ]
    if missing:
        raise _incomplete(missing, profile, facts)
    if facts is not None:
        profile = _as_script_says(profile, facts, options)
    profile = await _look_at_model(host, profile, options)
    token = token_of(options)
    warning = await host.add_profile(profile, secret, token)
    if warning and (secret != in_environment or token):
        complain(warning)
    say(f"Added {profile.name}.")


async def _look_at_model(host: Host, profile: Profile, options: argparse.Namespace) -> Profile:
    """A file or server that cannot give a model is refused now, not when the first job comes.

    Returns:
        The profile, with as many jobs at once as its script asks for, unless an option says how many.
    """
    if isinstance(profile.source, OnnxSource):
        found = await host.inspect(profile.source.path)
        for warning in found.get("warnings", ()):
            complain(str(warning))
    elif isinstance(profile.source, RemoteSource):
        try:
            found = await host.inspect_remote(profile.source, token_of(options) or "")
        except ModelAway as error:
            # Not the model's fault: its server may start after this.
            complain(f"The model was not looked at. {error}")
            return profile
        if found.get("task") == "unsupported":
            why = next(iter(found.get("why") or ()), "")
            raise ModelLoadError(
                f"The model gives no annotations: {why}", where=profile.source.model,
                remedy="Use a detector, segmenter, pose model or classifier.",
            )  # fmt: skip
        for warning in found.get("warnings", ()):
            complain(str(warning))
    elif isinstance(profile.source, CallbackSource):
        facts = await host.import_script(profile.source.script)
        if options.concurrency is None and facts.concurrency != profile.concurrency:
            return profile.changed(concurrency=facts.concurrency)
    return profile


def _as_script_says(profile: Profile, facts: ScriptFacts, options: argparse.Namespace) -> Profile:
    """What the script settles beside its identity, unless an option says otherwise."""
    changes: dict[str, Any] = {}
    if not facts.hands_over and facts.callback is not None:
        changes["source"] = profile.source.model_copy(update={"callback": facts.callback})
    others = [plugin_id for plugin_id in facts.plugin_ids if plugin_id != profile.plugin_id]
    if others:
        complain(
            f"The script builds several plugins; this profile serves {profile.plugin_id}, not {', '.join(others)}."
        )
    return profile.changed(**changes) if changes else profile


_OPTION = {"host": "--host URL", "plugin id": "--id ID", "secret": "--secret-stdin or --secret-env VAR"}


def _incomplete(missing: list[str], profile: Profile, facts: ScriptFacts | None) -> UsageError:
    """Says what is missing, and every way to give it."""
    options = _and([_OPTION[name] for name in missing])
    variable = f", or set {profile.secret_variable}" if "secret" in missing else ""
    if facts is None:
        verb = "is" if len(missing) == 1 else "are"
        return UsageError(f"The plugin's {_and(missing)} {verb} missing", remedy=f"Give {options}{variable}.")
    unfilled = [name for name in missing if name in facts.placeholders]
    unsaid = [name for name in missing if name not in unfilled]
    what = []
    if unfilled:
        what.append(f"the placeholder{'s' if len(unfilled) > 1 else ''} for {_and(unfilled)} not filled in yet")
    if unsaid:
        what.append(f"no {_and(unsaid, 'or')} that can be read from its source")
    return UsageError(
        f"The script has {' and '.join(what)}",
        where=str(facts.path),
        remedy=f"Fill in the script, or give {options}{variable}.",
    )


def _and(names: list[str], word: str = "and") -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else names[0]


def _secret(options: argparse.Namespace) -> str | None:
    return _given("secret", stdin=options.secret_stdin, variable=options.secret_env)


def _given(what: str, *, stdin: bool, variable: str | None) -> str | None:
    if stdin:
        value = sys.stdin.readline().strip()
        if not value:
            raise UsageError(f"There was no {what} on stdin", remedy="Write it there as one line.")
        return value
    if variable:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise UsageError(f"The variable with the {what} is not set", where=variable, remedy="Set it and try again.")
        return value
    return None


def _public(profile: Profile) -> dict[str, Any]:
    return profile.model_dump(mode="json")


def _model(profile: Profile) -> str:
    source = profile.source
    if isinstance(source, OnnxSource):
        return str(source.path)
    return str(source.script) if isinstance(source, CallbackSource) else f"{source.url} {source.model}"
