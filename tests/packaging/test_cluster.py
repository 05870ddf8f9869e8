"""The Compose file and the Kubernetes manifest: valid by published schemas, and their commands are ones we have."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli.parser import build_parser
from desktop_app.metrics.server import parse_address

pytestmark = [pytest.mark.peers, pytest.mark.timeout(900)]

VALIDATORS = ("kubernetes-validate==1.37.0", "compose-spec==0.2.1")
CHECK = """
import json, sys, yaml, kubernetes_validate
from compose_spec import PyCompose

compose = open(sys.argv[1], encoding="utf-8").read()
parsed = PyCompose.from_yaml(compose)
parsed.to_spec()
for part in ("validate", "validate_volumes", "validate_networks", "validate_secrets", "validate_configs"):
    getattr(parsed, part)()
documents = list(yaml.safe_load_all(open(sys.argv[2], encoding="utf-8")))
for document in documents:
    for version in ("1.30", "1.34"):
        kubernetes_validate.validate(document, version, strict=True)
broken = json.loads(json.dumps(documents[0]))
broken["spec"]["replicaz"] = 1
try:
    kubernetes_validate.validate(broken, "1.34", strict=True)
except kubernetes_validate.ValidationError:
    pass
else:
    sys.exit("the validator takes everything")
try:
    PyCompose.from_yaml(compose.replace("stop_grace_period: 15s", "stop_grace_period: [x]")).to_spec()
except Exception:
    pass
else:
    sys.exit("the validator of compose files takes everything")
print(json.dumps([yaml.safe_load(compose), documents]))
"""


@pytest.fixture(scope="module")
def files(packaging: Path, published_client: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Both files, as they were read and found valid."""
    python = published_client(*VALIDATORS)
    cluster = packaging / "cluster"
    done = subprocess.run(
        [python, "-c", CHECK, str(cluster / "compose.yaml"), str(cluster / "kubernetes.yaml")],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    compose, documents = json.loads(done.stdout)
    return compose, documents


def parsed(command: list[str]) -> Any:
    return build_parser().parse_args(command)


def adds(script: str) -> Any:
    """The options of the one `plugdeck profiles add` in a shell script."""
    plain = re.sub(r"\$+\w+", "value", script)
    [add] = [part for part in plain.split("||") if "profiles add" in part]
    return parsed(shlex.split(add)[1:])


def test_the_compose_file_starts_a_runner_and_a_model_server(files: Any) -> None:
    services = files[0]["services"]
    run = parsed(services["runner"]["command"])
    assert (run.command, run.profiles, run.log_format) == ("run", ["cars"], "json")
    address, port = parse_address(run.metrics)
    assert services["runner"]["ports"] == [f"127.0.0.1:{port}:{port}"], "for this machine alone"
    assert address == "0.0.0.0"
    add = adds(services["profile"]["command"][0])
    assert (add.name, add.remote, add.model) == ("cars", "http://triton:8000", "cars")
    assert {"triton", "profile"} == set(services["runner"]["depends_on"])
    assert int(services["runner"]["stop_grace_period"].removesuffix("s")) > 10
    assert all("${" in value for value in services["runner"]["environment"].values()), "no secret is in the file"


def test_the_manifest_probes_the_runner_and_scales_the_servers(files: Any) -> None:
    documents = {(document["kind"], document["metadata"]["name"]): document for document in files[1]}
    pod = documents["StatefulSet", "plugdeck-cars"]["spec"]["template"]["spec"]
    [runner], [setup] = pod["containers"], pod["initContainers"]
    run = parsed(runner["args"])
    assert (run.command, run.profiles) == ("run", ["cars"])
    assert parse_address(run.metrics)[1] == runner["ports"][0]["containerPort"] == 9464
    assert runner["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert runner["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert pod["terminationGracePeriodSeconds"] > 10
    add = adds(setup["args"][0])
    server = documents["Service", "triton-cars"]
    assert add.remote == f"http://triton-cars:{server['spec']['ports'][0]['port']}"
    assert documents["Deployment", "triton-cars"]["spec"]["replicas"] > 1
    assert documents["StatefulSet", "plugdeck-cars"]["spec"]["replicas"] == 1, "a data directory has one process"
    for variable in runner["env"]:
        assert "value" not in variable, "no secret is in the file"
