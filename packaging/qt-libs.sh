#!/bin/sh
# Makes sure that the system libraries which Qt needs are there: installs them where that is possible without asking
# (root on Debian and its relatives), else prints the one line to run. Never fails: without a window the rest works.
set -u

[ "$(uname -s)" = Linux ] || exit 0

# The shared object that Qt looks for, and Debian's package with it.
libraries="
libglib-2.0.so.0:libglib2.0-0
libEGL.so.1:libegl1
libGL.so.1:libgl1
libxkbcommon.so.0:libxkbcommon0
libxkbcommon-x11.so.0:libxkbcommon-x11-0
libdbus-1.so.3:libdbus-1-3
libfontconfig.so.1:libfontconfig1
libxcb-cursor.so.0:libxcb-cursor0
libxcb-icccm.so.4:libxcb-icccm4
libxcb-keysyms.so.1:libxcb-keysyms1
libxcb-shape.so.0:libxcb-shape0
libxcb-image.so.0:libxcb-image0
libxcb-render-util.so.0:libxcb-render-util0
"

PATH="$PATH:/usr/sbin:/sbin"
present=$(ldconfig -p 2>/dev/null)
missing=""
for library in $libraries; do
    case "$present" in
        *"${library%%:*} "*) ;;
        *) missing="$missing ${library#*:}" ;;
    esac
done
# Without any font the window shows empty boxes.
[ -n "$(find /usr/share/fonts -name '*.[to]tf' 2>/dev/null | head -n 1)" ] || missing="$missing fonts-dejavu-core"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Qt may need system libraries that Debian calls:$missing. Install your system's packages of them."
elif [ "$(id -u)" = 0 ]; then
    echo "Installing the system libraries that Qt needs:$missing"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 5 "$log"
        echo "They could not be installed. Run: apt-get install$missing"
    fi
    rm -f "$log"
else
    echo "Qt needs system libraries. Run: sudo apt-get install$missing"
fi
exit 0
