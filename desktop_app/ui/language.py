"""The language of the app's texts: English in the sources, others as gettext files among the resources."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from desktop_app.core.resources import resource
from desktop_app.ui.texts import Texts, read_texts

log = logging.getLogger(__name__)


def languages() -> tuple[tuple[str, str], ...]:
    """(code, the language's name in itself) of what can be chosen beside the desktop's own."""
    codes = sorted(path.stem for path in resource("translations").glob("*.po"))
    return tuple((code, _name(code)) for code in ("en", *codes))


def use_language(application: QApplication, choice: str) -> tuple[QTranslator, ...]:
    """Puts a language in force ("" for the desktop's), before the first widget is made.

    Numbers and dates follow it; of the desktop's own language its country too. Texts are English where there is no
    translation, and where its file is damaged.

    Returns:
        The translators that were installed, for who takes them away again.
    """
    system = QLocale.system()
    locale = QLocale(choice) if choice else system
    if locale.language() is system.language():
        locale = system
    QLocale.setDefault(locale)
    texts = _texts(locale)
    if not texts:
        return ()
    own, qt = Texts(texts, application), QTranslator(application)
    installed: list[QTranslator] = []
    # The texts of Qt's own dialogs and keys; those installed last are asked first.
    if qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        installed.append(qt)
    installed.append(own)
    for translator in installed:
        application.installTranslator(translator)
    return tuple(installed)


def _texts(locale: QLocale) -> dict[str, str]:
    if locale.language() is QLocale.Language.English:
        return {}
    path = _file(locale)
    if path is None:
        return {}
    try:
        return read_texts(path)
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read: %s", path.name, error)
        return {}


def _file(locale: QLocale) -> Path | None:
    """The file for the language as it is spoken in the country, else for the language."""
    name = locale.name()
    paths = (resource("translations", f"{code}.po") for code in (name, name.partition("_")[0]))
    return next((path for path in paths if path.is_file()), None)


def _name(code: str) -> str:
    name = QLocale(code).nativeLanguageName() if code != "en" else "English"
    return name[:1].upper() + name[1:]
