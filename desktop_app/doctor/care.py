"""What the window needs of the doctor, for one host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from desktop_app.core.profile import Profile
from desktop_app.doctor.diagnostics import file_name, save_diagnostics
from desktop_app.doctor.exam import examine
from desktop_app.doctor.finding import Finding
from desktop_app.host import Host


class Care:
    """The doctor of a host.

    Attributes:
        last: what was found when somebody last looked.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.last: tuple[Finding, ...] = ()

    async def examine(self, profiles: Sequence[Profile], tell: Callable[[Finding], None]) -> list[Finding]:
        """See `doctor.exam.examine`."""
        findings = await examine(self._host, profiles, tell)
        self.last = tuple(findings)
        return findings

    async def save_diagnostics(self, findings: Sequence[Finding] = ()) -> Path:
        """Makes the zip, in the data directory; earlier ones there go. Returns where it is.

        Raises:
            StoreError: it cannot be written.
        """
        root = self._host.data_dir.root
        for old in root.glob("plugdeck-diagnostics-*.zip"):
            old.unlink(missing_ok=True)
        return await save_diagnostics(self._host, root / file_name(), findings or self.last)
