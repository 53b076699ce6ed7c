#!/bin/sh
# Makes sure that the tests find a browser, letters for the languages it shows, and readers of labels that aren't ours.
set -eu
cd "$(dirname "$0")/.."

packages=""
if [ -z "${COURTYARD_CHROMIUM:-}" ] && ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null &&
    ! command -v google-chrome >/dev/null; then
    packages="chromium"
fi
if ! command -v fc-list >/dev/null; then
    packages="$packages fontconfig fonts-wqy-microhei"
elif [ -z "$(fc-list :lang=zh)" ]; then
    packages="$packages fonts-wqy-microhei"
fi

if ! command -v exiftool >/dev/null; then
    packages="$packages libimage-exiftool-perl"
fi
if ! command -v pdfinfo >/dev/null; then
    packages="$packages poppler-utils"
fi

if ! command -v ip >/dev/null; then
    packages="$packages iproute2"
fi

if [ -n "$packages" ]; then
    echo "→ installing for the tests: $packages"
    # shellcheck disable=SC2086 # One word a package is meant.
    sh tools/apt.sh $packages
fi
