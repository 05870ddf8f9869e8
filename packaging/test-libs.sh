#!/bin/sh
# Makes sure that the font is there in which the pictures of the tests are drawn: installs it as root on Debian and its
# relatives, else says what to run. Never fails: without it those tests are skipped and say so.
set -u

[ "$(uname -s)" = Linux ] || exit 0
missing=""
for font in DejaVuSans DejaVuSansMono; do
    [ -n "$(find /usr/share/fonts /usr/local/share/fonts -name "$font.ttf" 2>/dev/null | head -n 1)" ] || missing=yes
done
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends fonts-dejavu-core; } >/dev/null 2>&1 ||
        echo "Picture tests are skipped without DejaVu. Run: apt-get install fonts-dejavu-core"
else
    echo "Picture tests are skipped without the DejaVu fonts (Debian: fonts-dejavu-core)."
fi
exit 0
