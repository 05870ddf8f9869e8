"""The app's texts in another language, read from a gettext file (`.po`) among the resources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTranslator


@dataclass(slots=True)
class Entry:
    """One text of a gettext file.

    Attributes:
        source: the English text, as it stands in the code; "" for the head of the file.
        text: its translation, "" where there is none yet.
        fuzzy: marked by a translator or by the extraction as not to be relied on.
    """

    source: str = ""
    text: str = ""
    fuzzy: bool = False


def read_entries(path: Path) -> list[Entry]:
    """Every entry of a gettext file, the head included. Plural forms and contexts are not used by this app.

    Raises:
        ValueError: a line is none of a gettext file.
        OSError: it cannot be read.
    """
    entries: list[Entry] = []
    field, fuzzy = "", False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        keyword, _, rest = line.partition(" ")
        if keyword == "msgid":
            entries.append(Entry(fuzzy=fuzzy))
            field, fuzzy = "source", False
        elif keyword == "msgstr" and entries:
            field = "text"
        elif line.startswith('"') and entries:
            rest = line
        else:
            raise ValueError(f"line {number} is none of a gettext file")
        # The escapes of gettext's strings that this app's texts have are those of JSON.
        more = json.loads(rest)
        if field == "source":
            entries[-1].source += more
        else:
            entries[-1].text += more
    return entries


def read_texts(path: Path) -> dict[str, str]:
    """English text -> translation, of those that can be relied on."""
    return {entry.source: entry.text for entry in read_entries(path) if entry.source and entry.text and not entry.fuzzy}


class Texts(QTranslator):
    """Hands Qt the translations, whatever class asks: a text means the same everywhere in this app."""

    def __init__(self, texts: Mapping[str, str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._texts = dict(texts)

    def isEmpty(self) -> bool:
        return not self._texts

    def translate(
        self,
        context: str | bytes | bytearray | memoryview,
        sourceText: str | bytes | bytearray | memoryview,  # noqa: N803 - as Qt names it
        disambiguation: str | bytes | bytearray | memoryview | None = None,
        n: int = -1,
    ) -> str:
        """The translation, or None, with which Qt asks the next translator."""
        del context, disambiguation, n
        text = sourceText if isinstance(sourceText, str) else bytes(sourceText).decode()
        return self._texts.get(text)  # type: ignore[return-value]
