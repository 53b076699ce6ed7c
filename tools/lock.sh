#!/bin/sh
# Resolves the dependencies of pyproject.toml for every supported Python and machine, with hashes.
# UPGRADE=1 takes the newest versions; without it a version stays unless pyproject.toml says otherwise.
set -eu
cd "$(dirname "$0")/.."

compile() {
    "${VENV:-.venv}/bin/uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header \
        --no-emit-index-url ${UPGRADE:+--upgrade} pyproject.toml "$@"
}

compile --group build --output-file requirements.lock
compile --group build --group dev --constraint requirements.lock --output-file requirements-dev.lock
echo "✓ requirements.lock and requirements-dev.lock"
