#!/bin/sh
# Makes sure that the system libraries which Qt needs are there: installs them where that is possible without asking
# (root on Debian and its relatives), else prints the one line to run. Never fails: without a window the rest works.
set -u

[ "$(uname -s)" = Linux ] || exit 0

packages="libegl1 libxkbcommon0 libxkbcommon-x11-0 libdbus-1-3 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 \
libxcb-shape0 libxcb-image0 libxcb-render-util0 libgl1 libfontconfig1 fonts-dejavu-core"

command -v dpkg-query >/dev/null 2>&1 || {
    ldconfig -p 2>/dev/null | grep -q libxcb-cursor.so.0 || \
        echo "Qt may need system libraries (libEGL, libxkbcommon-x11, libxcb-cursor and other libxcb-*): see README.md."
    exit 0
}

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    echo "Installing the system libraries that Qt needs:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/tmp/plugdeck-qt-libs.log 2>&1 || {
        tail -n 5 /tmp/plugdeck-qt-libs.log
        echo "They could not be installed. Run: apt-get install$missing"
    }
else
    echo "Qt needs system libraries. Run: sudo apt-get install$missing"
fi
exit 0
