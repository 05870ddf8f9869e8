"""The language of the app's texts: English in the sources, others as Qt's translation files among the resources."""

from __future__ import annotations

from PySide6.QtCore import QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from desktop_app.core.resources import resource

_PREFIX = "plugdeck_"


def languages() -> tuple[tuple[str, str], ...]:
    """(code, the language's name in itself) of what can be chosen beside the desktop's own."""
    codes = sorted(path.stem.removeprefix(_PREFIX) for path in resource("translations").glob(f"{_PREFIX}*.qm"))
    return tuple((code, _name(code)) for code in ("en", *codes))


def use_language(application: QApplication, choice: str) -> None:
    """Puts a language in force ("" for the desktop's), before the first widget is made."""
    locale = QLocale(choice) if choice else QLocale.system()
    if locale.language() is QLocale.Language.English:
        return
    QLocale.setDefault(locale)
    own = QTranslator(application)
    if not own.load(locale, _PREFIX.rstrip("_"), "_", str(resource("translations"))):
        return
    application.installTranslator(own)
    # The texts of Qt's own dialogs.
    qt = QTranslator(application)
    if qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(qt)


def _name(code: str) -> str:
    name = QLocale(code).nativeLanguageName() if code != "en" else "English"
    return name[:1].upper() + name[1:]
