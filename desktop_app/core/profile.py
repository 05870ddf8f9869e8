"""What the user hosts: profiles and their model sources. Frozen; a change makes a new one."""

from __future__ import annotations

import uuid
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

KNOWN_HOSTS = ("https://imeritapi.ango.ai", "https://eu-api.ango.ai", "https://api.ango.ai")
"""Hosts seen as defaults in the published clients (facts: hub-protocol, Connection)."""

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class AnswerFormat(StrEnum):
    """The shape of the `response` event; `AUTO` is what the script's generation answers, `CURRENT` for the others."""

    AUTO = "auto"
    CURRENT = "current"
    FLAT = "flat"
    DOCUMENTED = "documented"


class Shape(StrEnum):
    """Which shape instances are answered in; `AUTO` follows the model's task."""

    AUTO = "auto"
    BOX = "box"
    ROTATED = "rotated"
    POLYGON = "polygon"
    SEGMENTATION = "segmentation"
    POINT = "point"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def web_address(text: str) -> SplitResult | None:
    """The parts of an http or https address, or None where it is none that can be connected to."""
    try:
        parts = urlsplit(text.strip())
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if whole else None


def _plain_address(value: str) -> str:
    value = value.strip().rstrip("/")
    parts = web_address(value)
    if parts is None:
        raise ValueError("must be an address such as https://api.ango.ai")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a plain address without user name, query or fragment")
    return value


class OnnxSource(_Frozen):
    """An ONNX file that the bundled interpreter runs."""

    kind: Literal["onnx"] = "onnx"
    path: Path
    provider: str = "cpu"
    overrides: dict[str, Any] = Field(default_factory=dict)
    """What the user changed of what `inspect` found: `{"family": …, "input": {"scale": …}, …}`; empty when right."""
    unload_after_s: float | None = Field(None, gt=0)
    """Seconds without a job after which the model leaves memory; the next job loads it again. None: it stays."""


class CallbackSource(_Frozen):
    """A plugin script whose callback answers jobs."""

    kind: Literal["callback"] = "callback"
    script: Path
    python: Path | None = None
    """The interpreter, or None for the bundled one."""
    callback: str | None = None
    """Name of the callback function, or None for the one that the script hands to `run()`."""
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    working_directory: Path | None = None
    """None: the script's own folder."""
    reload_on_change: bool = False


class RemoteSource(_Frozen):
    """A model on an Open Inference Protocol (KServe v2) server."""

    kind: Literal["remote"] = "remote"
    url: str
    """Of the server, up to and without `/v2`."""
    model: str = Field(min_length=1, max_length=300)
    version: str = Field("", max_length=100)
    """"": the one that the server takes by itself."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """As of an OnnxSource."""
    allow_insecure: bool = False
    """Plain http to a server that is not loopback."""

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return _plain_address(value).removesuffix("/v2")

    @property
    def encrypted_enough(self) -> bool:
        """Whether pictures and token are safe on the way, or the person has allowed that they are not."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or (parts.hostname or "") in LOOPBACK_HOSTS or self.allow_insecure

    def same_server(self, other: object) -> bool:
        """Whether another source is at the same scheme, host and port: a token is for one server alone."""
        return isinstance(other, RemoteSource) and _place(self.url) == _place(other.url)


def _place(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


REMOTE_CONCURRENCY = 4
"""Jobs at once with a model server, unless the person says otherwise: enough to keep a few replicas busy."""

ModelSource = Annotated[OnnxSource | CallbackSource | RemoteSource, Field(discriminator="kind")]


class Detection(_Frozen):
    """How predictions that we decode ourselves become an answer."""

    confidence: float = Field(0.25, ge=0, le=1)
    iou: float = Field(0.45, ge=0, le=1)
    max_instances: int = Field(300, ge=1)
    min_size: float = Field(0.0, ge=0)
    """Shorter side of an instance in asset pixels below which it is dropped."""
    agnostic: bool = False
    class_confidence: dict[str, float] = Field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    """Class names in the model's order, replacing what the file says; None keeps the file's."""
    shape: Shape = Shape.AUTO


def secret_variable(name: str) -> str:
    """The environment variable that may hold the secret of a profile with this name."""
    return "PLUGDECK_SECRET_" + _variable_part(name)


def api_key_variable(name: str) -> str:
    """The environment variable that may hold the API key with which a profile of this name goes on with its jobs."""
    return "PLUGDECK_API_KEY_" + _variable_part(name)


def token_variable(name: str) -> str:
    """The environment variable that may hold the token for the model server of a profile with this name."""
    return "PLUGDECK_TOKEN_" + _variable_part(name)


def _variable_part(name: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name).upper()


class Profile(_Frozen):
    """One plugin the user hosts. Its secret is kept elsewhere (see the store's secrets)."""

    id: str = Field(default_factory=lambda: uuid.uuid4().hex[:12])
    name: str = Field(min_length=1, max_length=100)
    host: str
    plugin_id: str = Field(min_length=1)
    source: ModelSource
    enabled: bool = True
    detection: Detection = Detection()
    concurrency: int = Field(1, ge=1, le=64)
    timeout_s: float = Field(120.0, gt=0)
    """Bound on the run of the model; the fetch has its own limits."""
    answer_format: AnswerFormat = AnswerFormat.AUTO
    allow_private_assets: bool = False
    allow_insecure_host: bool = False
    """Plain http to a host that is not loopback."""
    memory_limit_mb: int | None = Field(None, ge=64)
    shadow_of: str | None = None
    """Id of the profile whose jobs it also answers, to be compared; it is not connected to the hub, nothing is sent."""

    @property
    def jobs_in_worker(self) -> int:
        """Jobs that are in the worker at once.

        With a model that we decode for it is one more than may run: that one's picture is decoded while another runs.
        """
        return self.concurrency + (0 if isinstance(self.source, CallbackSource) else 1)

    @field_validator("name", "plugin_id")
    @classmethod
    def _stripped(cls, value: str) -> str:
        value = value.strip()
        if not value:
            raise ValueError("must not be empty")
        if any(not char.isprintable() for char in value):
            raise ValueError("must be one line of printable characters")
        return value

    @field_validator("host")
    @classmethod
    def _url(cls, value: str) -> str:
        return _plain_address(value)

    @property
    def is_loopback(self) -> bool:
        """Whether the hub runs on this machine."""
        return (urlsplit(self.host).hostname or "") in LOOPBACK_HOSTS

    @property
    def secret_variable(self) -> str:
        """The environment variable that may hold the secret and wins over the keychain."""
        return secret_variable(self.name)

    @property
    def api_key_variable(self) -> str:
        """The environment variable that may hold the profile's own API key and wins over the keychain."""
        return api_key_variable(self.name)

    @property
    def token_variable(self) -> str:
        """The environment variable that may hold the model server's token and wins over the keychain."""
        return token_variable(self.name)

    def changed(self, **changes: Any) -> Profile:
        """A validated copy with some fields replaced.

        Raises:
            pydantic.ValidationError: a value does not fit.
        """
        return Profile.model_validate({**self.model_dump(), **changes})
