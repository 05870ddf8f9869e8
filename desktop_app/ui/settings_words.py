"""What the settings are called on their page, and what is said below each: its effect, and when it has it."""

from __future__ import annotations

from dataclasses import dataclass

from desktop_app.ui.formats import tr


@dataclass(frozen=True, slots=True)
class Words:
    """Title and hint of a setting."""

    title: str
    hint: str


def setting_words() -> dict[str, dict[str, Words]]:
    """Group -> name of the setting -> its words, in the order of the page."""
    return {
        tr("Look"): {
            "theme": Words(tr("Theme"), tr("System follows the desktop's choice.")),
            "density": Words(tr("Density"), tr("How much room lists and buttons take.")),
            "language": Words(tr("Language"), tr("Takes effect at the next start.")),
        },
        tr("Window and plugins"): {
            "close_to_tray": Words(
                tr("Keep plugins running when the window is closed"),
                tr("Plugdeck then stays in the tray; on a desktop without one, its window is minimized."),
            ),
            "start_at_login": Words(
                tr("Start at login"), tr("Opens in the tray and serves the plugins that are enabled.")
            ),
            "notifications": Words(
                tr("Notifications"),
                tr("Only for what needs a person: a refused login, a model that crashes, answers that wait."),
            ),
        },
        tr("Storage"): {
            "cache_limit_mb": Words(
                tr("Asset cache (MB)"), tr("Most space for downloaded assets; those used longest ago go first.")
            ),
            "history_days": Words(
                tr("Keep history (days)"), tr("0 keeps it for ever. What is older goes within the hour.")
            ),
            "history_jobs": Words(tr("Most jobs"), tr("The oldest finished jobs beyond this go within the hour.")),
            "history_lines": Words(tr("Most log lines"), tr("The oldest log lines beyond this go within the hour.")),
        },
        tr("Network"): {
            "proxy": Words(
                tr("Proxy"),
                tr(
                    "An address such as http://proxy:3128, used for every new connection. Empty: the system's proxy."
                    " Connections that are open stay as they are until they are made anew."
                ),
            ),
        },
    }


def choice_words(name: str, value: str) -> str:
    """A value of a setting with a few of them, as people read it."""
    return {
        ("theme", "system"): tr("System"),
        ("theme", "light"): tr("Light"),
        ("theme", "dark"): tr("Dark"),
        ("density", "comfortable"): tr("Comfortable"),
        ("density", "compact"): tr("Compact"),
    }.get((name, value), value)
