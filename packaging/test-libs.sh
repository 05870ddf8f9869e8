#!/bin/sh
# Makes sure that what some tests need of the system is there: the font in which pictures are drawn, and a screen with a
# session on which a screen reader can be tried. Installs it as root on Debian and its relatives, else says what to run.
# Never fails: without it those tests are skipped and say so.
set -u

[ "$(uname -s)" = Linux ] || exit 0
missing=""
for font in DejaVuSans DejaVuSansMono; do
    [ -n "$(find /usr/share/fonts /usr/local/share/fonts -name "$font.ttf" 2>/dev/null | head -n 1)" ] ||
        missing="fonts-dejavu-core"
done
command -v Xvfb >/dev/null 2>&1 || missing="$missing xvfb"
command -v dbus-daemon >/dev/null 2>&1 || missing="$missing dbus"
[ -e /usr/libexec/at-spi-bus-launcher ] || [ -e /usr/lib/at-spi2-core/at-spi-bus-launcher ] ||
    missing="$missing at-spi2-core"
# The system's Python, for its bindings are in no virtual environment.
/usr/bin/python3 -c "import gi; gi.require_version('Atspi', '2.0'); from gi.repository import Atspi" >/dev/null 2>&1 ||
    missing="$missing python3-gi gir1.2-atspi-2.0"
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 ||
        echo "Tests of pictures and of the screen reader may be skipped. Run: apt-get install $missing"
else
    echo "Tests of pictures and of the screen reader may be skipped. Debian has what they need as:$missing"
fi
exit 0
