#!/bin/sh
# Signs, packs and notarises dist of macOS: build.sh APP DMG. Without keys it packs an app signed for this machine only.
#   SIGNING_IDENTITY             the "Developer ID Application: …" certificate in the keychain
#   NOTARY_APPLE_ID, NOTARY_TEAM_ID, NOTARY_PASSWORD   the account that asks Apple to notarise
set -eu

app=$1
dmg=$2
here=$(cd "$(dirname "$0")" && pwd)

if [ -n "${SIGNING_IDENTITY:-}" ]; then
    # From the inside out: libraries, then the executables with what they are allowed, then the app.
    find "$app/Contents" -type f \( -name '*.dylib' -o -name '*.so' \) -print0 |
        xargs -0 -n 50 codesign --force --timestamp --options runtime --sign "$SIGNING_IDENTITY"
    for program in "$app/Contents/MacOS/"*; do
        codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" --sign "$SIGNING_IDENTITY" "$program"
    done
    codesign --force --timestamp --options runtime --entitlements "$here/entitlements.plist" --sign "$SIGNING_IDENTITY" "$app"
    codesign --verify --deep --strict "$app"
else
    echo "No SIGNING_IDENTITY: the app is signed for this machine only."
    codesign --force --deep --sign - "$app"
fi

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp -R "$app" "$stage/"
ln -s /Applications "$stage/Applications"
hdiutil create -volname Plugdeck -srcfolder "$stage" -fs HFS+ -format UDZO -ov "$dmg"

if [ -n "${SIGNING_IDENTITY:-}" ] && [ -n "${NOTARY_APPLE_ID:-}" ]; then
    codesign --force --timestamp --sign "$SIGNING_IDENTITY" "$dmg"
    xcrun notarytool submit "$dmg" --apple-id "$NOTARY_APPLE_ID" --team-id "$NOTARY_TEAM_ID" --password "$NOTARY_PASSWORD" --wait
    xcrun stapler staple "$dmg"
    spctl --assess --type open --context context:primary-signature "$dmg"
else
    echo "No notary account: the disk image is not notarised."
fi
