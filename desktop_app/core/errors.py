"""Errors that a person can do something about.

Two kinds exist. A *known* error is part of normal life (no network, a bad file, a script that raises): it is a
:class:`KnownError`, is shown with its remedy and ends one job or one action. Everything else is a *bug* of ours:
it becomes a crash report. The tree::

    KnownError
    ├── UsageError          the command line or a form was filled in wrongly
    ├── ProfileError        a profile cannot be used as it stands
    │   └── ProfileNotFound
    ├── SecretError         no secret, or no place to keep one
    ├── HubError            the hub
    │   ├── HubUnreachable  no connection
    │   ├── LoginRefused    plugin id or secret not accepted
    │   └── HubRefused      an HTTP call was answered with an error
    ├── JobError            the job's own fields make an answer impossible
    ├── AssetError          the asset cannot be had or read
    ├── ModelError          the model or its worker
    │   ├── ModelLoadError
    │   ├── CallbackError   the user's script raised
    │   ├── ModelTimeout
    │   └── WorkerDied      the child process ended in the middle of a job
    ├── AnswerError         what the model returned cannot be an answer
    ├── DeliveryError       the hub did not take the answer
    └── StoreError          the data directory
        └── DataDirInUse    another process serves it
"""

from __future__ import annotations


class KnownError(Exception):
    """Something a person can act on.

    Attributes:
        what: one sentence, what happened; no bare exception names.
        where: the file, host, field or line it happened at, or "".
        remedy: one sentence, what to do, or "".
        details: longer text such as a script's traceback, shown folded, or "".
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "", details: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        """One line: what, where, what to do."""
        text = self.what.rstrip(".")
        if self.where:
            text += f" ({self.where})"
        return f"{text}. {self.remedy}" if self.remedy else text


class UsageError(KnownError):
    """The command line or a form was filled in wrongly; exit code 2."""


class ProfileError(KnownError):
    """A profile cannot be used as it stands."""


class ProfileNotFound(ProfileError):
    """No profile has that name."""


class SecretError(KnownError):
    """There is no secret for a profile, or no place to keep one."""


class HubError(KnownError):
    """Anything about the hub."""


class HubUnreachable(HubError):
    """No connection to the hub."""


class LoginRefused(HubError):
    """The hub does not accept the plugin's id or secret."""


class HubRefused(HubError):
    """An HTTP call was answered with an error status.

    Attributes:
        status: the HTTP status.
        retry_after: seconds that the server asked to be left alone, or 0.
    """

    def __init__(self, what: str, *, status: int, where: str = "", remedy: str = "", retry_after: float = 0.0) -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.status = status
        self.retry_after = retry_after


class JobError(KnownError):
    """The job's own fields make an answer impossible."""


class AssetError(KnownError):
    """The asset cannot be fetched or read."""


class ModelError(KnownError):
    """The model or its worker."""


class ModelLoadError(ModelError):
    """The model file or script cannot be loaded."""


class CallbackError(ModelError):
    """The user's script raised; `details` holds its traceback, the user's own line first."""


class ModelTimeout(ModelError):
    """The model took longer than the profile allows."""


class WorkerDied(ModelError):
    """The child process ended in the middle of a job."""


class AnswerError(KnownError):
    """What the model returned cannot be an answer."""


class DeliveryError(KnownError):
    """The hub did not take the answer."""


class StoreError(KnownError):
    """The data directory or its database cannot be used."""


class DataDirInUse(StoreError):
    """Another process serves the data directory."""
