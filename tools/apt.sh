#!/bin/sh
# Installs Debian packages where this user may, and says the exact command where not.
set -eu

if ! command -v apt-get >/dev/null; then
    echo "✗ please install with your system's package manager: $*" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "✗ this needs an administrator: sudo apt-get install --no-install-recommends $*" >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@" >"$log" 2>&1; }

# The package lists may be missing or old; they are fetched only where the first try fails.
if ! install "$@"; then
    $as_root apt-get update >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
    install "$@" || { cat "$log" >&2; exit 1; }
fi
