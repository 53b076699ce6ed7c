#!/bin/sh
# Makes sure that the tests find a browser, and letters for the languages it shows.
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

if [ -n "$packages" ]; then
    echo "→ installing for the browser tests: $packages"
    # shellcheck disable=SC2086 # One word a package is meant.
    sh tools/apt.sh $packages
fi
