"""What `--help` says below the options: examples, exit codes, the shape of JSON."""

from __future__ import annotations

GENERAL = """\
examples:
  plugdeck demo                                    see it work, without an account
  plugdeck inspect model.onnx                      what is this file?
  plugdeck test --onnx model.onnx picture.jpg --overlay out.png
  plugdeck profiles add Cars --host https://api.ango.ai --id ID --secret-env SECRET --onnx model.onnx
  plugdeck run                                     serve all enabled profiles

Exit codes: 0 done, 1 failed, 2 wrong usage. Every command has its own --help."""

HUB = """\
Prints its address, the sample plugins' ids and secrets, and a line for all that happens. The secret of a sample
plugin is its id with "-secret" behind it (demo-fasteners: demo-fasteners-secret). Any other plugin id can log in
with any secret, and gets its jobs without a class mapping. What is online gets jobs on the sample pictures.
Nothing outside this machine can reach it."""

RUN = """\
The first SIGTERM lets running jobs finish for at most 10 seconds, Ctrl-C for at most 5; a second one ends them.
A profile's secret comes from the environment variable PLUGDECK_SECRET_NAME (the profile's name in upper case,
other characters as _), else from the keychain. An API key in PLUGDECK_API_KEY_NAME (or kept by `plugdeck profiles
api-key`) lets runs over whole projects go on after a restart.

With --rest, every call carries the profile's secret in a header named Secret:
  curl -H "Secret: $SECRET" http://127.0.0.1:8080/heartbeat

With --metrics, GET /readyz gives 200 while every served profile is online, 503 else and while it drains.
With --log-format json, stderr has {"time", "level", "message", "source", "profile", "session", "job", "details"}.

With --json, stdout has one object per line:
  {"event": "ready", "profile"}                                it is online
  {"event": "state", "profile", "state", "detail"}
  {"event": "job", "profile", "session", "state", "error", "timings_ms"}
  {"event": "metrics", "address"}                              with --metrics: where they are"""

DOCTOR = """\
Nothing is changed, and no job is taken: where another process serves the profiles, their login is not tried again.
Exit code 1 if a check failed.

With --json:
  {"outcome": OUTCOME, "checks": [{"check", "about", "outcome", "saw", "remedy", "ms"}]}
where OUTCOME is ok, warning, failed or skipped (over all, the worst); about is the hub's address, the profile's name,
or "" for this machine; check is one of proxy, resolution, tcp, tls, handshake, clock (of a hub); secret, login, jobs,
model, interpreter (of a profile); keychain, disk, providers, interpreter (of this machine)."""

ADD = """\
One of --onnx, --script and --remote names the model. The secret goes to the keychain; it is not needed here where
the environment variable PLUGDECK_SECRET_NAME holds it (the profile's name in upper case, other characters as _).
A model server's token goes the same way; PLUGDECK_TOKEN_NAME may hold it.

examples:
  plugdeck profiles add Cars --host https://api.ango.ai --id ID --secret-env SECRET --onnx cars.onnx
  plugdeck profiles add Far --host URL --id ID --secret-env SECRET --remote URL --model cars --token-env TOKEN
  plugdeck profiles add Script --script plugin.py --from-script --python venv/bin/python"""

TRY = """\
examples:
  plugdeck test Cars picture.jpg                   with a profile's model and options
  plugdeck test --onnx model.onnx *.jpg --json     without a profile
  plugdeck test --script plugin.py picture.jpg --config '{"threshold": 0.4}'
  plugdeck test --onnx model.onnx picture.jpg --map car=SCHEMAID --overlay out.png

Without any --map every class is kept and carries its name as title. Exit 1 if a file gave no answer."""

REPLAY = """\
Runs as the job did: same fields, class mapping and Config JSON. What the hub would be asked for (the API key is never
kept) is left out, and said. The replay stands in the history under a session of its own, and its answer is compared
with the job's: same, moved, gained, lost. Exit 1 if it gave no answer."""
