"""`plugdeck profiles …`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from desktop_app.cli.models import profile_of
from desktop_app.cli.output import complain, print_json, say, table
from desktop_app.core.errors import ProfileError, UsageError
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.host import Host


async def run(host: Host, options: argparse.Namespace) -> int:
    """Does what the action says."""
    actions = {"list": _list, "show": _show, "remove": _remove, "export": _export, "import": _import, "add": _add}
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
    text = host.profiles.export_text(host.profiles.get(options.name))
    if options.file is None:
        say(text)
        return
    try:
        options.file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ProfileError(f"The file cannot be written: {error.strerror}", where=str(options.file)) from error


async def _import(host: Host, options: argparse.Namespace) -> None:
    try:
        text = options.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError("The file cannot be read", where=str(options.file)) from error
    profile = host.profiles.import_text(text)
    await host.add_profile(profile, None)
    say(f"Added {profile.name}. It carries no secret: set {profile.secret_variable}, or edit it in the window.")


async def _add(host: Host, options: argparse.Namespace) -> None:
    hub, plugin_id, secret = options.host, options.plugin_id, _secret(options)
    if options.from_script:
        if options.script is None:
            raise UsageError("--from-script needs a script", remedy="Add --script FILE.")
        facts = await host.import_script(options.script)
        hub, plugin_id, secret = hub or facts.host, plugin_id or facts.plugin_id, secret or facts.secret
        missing = [n for n, v in (("host", hub), ("plugin id", plugin_id), ("secret", secret)) if not v]
        if missing:
            raise UsageError(
                f"The script does not say its {' and '.join(missing)}",
                where=str(options.script),
                remedy="Fill in its constants, or give --host, --id and --secret-env.",
            )
    elif secret is None:
        raise UsageError("The plugin's secret is missing", remedy="Give --secret-stdin or --secret-env VAR.")
    if not hub or not plugin_id:
        raise UsageError(f"The {'host' if not hub else 'plugin id'} is missing", remedy="Give --host URL and --id ID.")
    profile = profile_of(options.name, hub, plugin_id, options)
    warning = await host.add_profile(profile, secret)
    if warning:
        complain(warning)
    say(f"Added {profile.name}.")


def _secret(options: argparse.Namespace) -> str | None:
    if options.secret_stdin:
        secret = sys.stdin.readline().strip()
        if not secret:
            raise UsageError("There was no secret on stdin")
        return secret
    if options.secret_env:
        secret = os.environ.get(options.secret_env, "").strip()
        if not secret:
            raise UsageError("The variable with the secret is not set", where=options.secret_env)
        return secret
    return None


def _public(profile: Profile) -> dict[str, Any]:
    return profile.model_dump(mode="json")


def _model(profile: Profile) -> str:
    source = profile.source
    if isinstance(source, OnnxSource):
        return str(source.path)
    return str(source.script) if isinstance(source, CallbackSource) else f"{source.url} {source.model}"
