#!/bin/sh
# Installs Plugdeck from this unpacked folder for one person, without root; `./install.sh --remove` takes it away again.
# What you made with Plugdeck (profiles, history) stays in both cases.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
data=${XDG_DATA_HOME:-$HOME/.local/share}
bin=$HOME/.local/bin
place=$HOME/.local/lib/plugdeck

remove() {
    rm -rf "$place"
    rm -f "$bin/plugdeck" "$bin/plugdeck-window"
    for file in $(cd "$here/share" && find . -type f); do
        rm -f "$data/$file"
    done
}

refresh() {
    command -v update-desktop-database >/dev/null 2>&1 && update-desktop-database -q "$data/applications" || true
    command -v update-mime-database >/dev/null 2>&1 && update-mime-database "$data/mime" >/dev/null 2>&1 || true
    command -v gtk-update-icon-cache >/dev/null 2>&1 && gtk-update-icon-cache -q -t "$data/icons/hicolor" 2>/dev/null || true
}

case "${1:-}" in
    --remove)
        remove
        refresh
        echo "Plugdeck is removed. Its data is still in $data/Plugdeck; delete that folder if you do not want it any more."
        exit 0
        ;;
    "") ;;
    *)
        echo "Usage: ./install.sh [--remove]" >&2
        exit 2
        ;;
esac

remove
mkdir -p "$bin" "$place" "$data"
cp -R "$here/app/." "$place/"
ln -sf "$place/plugdeck" "$bin/plugdeck"
ln -sf "$place/plugdeck-window" "$bin/plugdeck-window"
cp -R "$here/share/." "$data/"
# The menu starts it by its full address: ~/.local/bin need not be on the desktop's search path.
sed -i "s|^Exec=plugdeck-window|Exec=\"$place/plugdeck-window\"|" "$data/applications/plugdeck.desktop"
refresh
echo "Plugdeck is installed. Start it from the menu, or type: plugdeck"
case ":$PATH:" in
    *":$bin:"*) ;;
    *) echo "$bin is not on your PATH yet: log in again, or type: $bin/plugdeck" ;;
esac
