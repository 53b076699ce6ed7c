#!/bin/sh
# Brings .venv to what a lock file says: `setup.sh run` for serving, `setup.sh dev` for tests too.
# Quick when nothing changed: a stamp in .venv holds the checksum of what was installed.
set -eu
cd "$(dirname "$0")/.."

want=${1:-run}
venv=${VENV:-.venv}
case $want in
    run) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) echo "usage: tools/setup.sh run|dev" >&2; exit 2 ;;
esac

say() { printf '→ %s\n' "$*"; }
stop() { printf '✗ %s\n' "$*" >&2; exit 1; }

stamp_of() { cat "$1" pyproject.toml | cksum | tr ' ' '-'; }
installed() { [ -x "$venv/bin/python" ] && [ "$(cat "$venv/stamp-$1" 2>/dev/null)" = "$(stamp_of "$2")" ]; }

# What the tests need holds what serving needs.
if installed "$want" "$lock" || installed dev requirements-dev.lock; then
    exit 0
fi

find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

make_venv() {
    rm -rf "$venv"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
        say "$python makes no virtual environments yet; installing $package"
        sh tools/apt.sh "$package"
    fi
    "$python" -m venv "$venv"
}

python=$(find_python) || stop "Courtyard needs Python 3.11 or newer. On Debian and Ubuntu: apt-get install python3 python3-venv"

if ! "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    say "making $venv with $("$python" --version)"
    make_venv
fi
rm -f "$venv"/stamp-*

if ! "$python" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; then
    say "the engine counts on OpenMP; installing libgomp1"
    sh tools/apt.sh libgomp1
fi

"$venv/bin/python" tools/install.py "$lock"
say "installing courtyard"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
# Starts are quick from the first one on, also where Python is told to leave no bytecode behind.
"$venv/bin/python" -m compileall -q src
stamp_of "$lock" >"$venv/stamp-$want"
