"""Installs a lock file, hashes checked: by uv, which the lock holds too, and where uv can't, by pip.

.venv/bin/python tools/install.py requirements.lock
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

_TAKEN = re.compile(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)")
_PIN = re.compile(r"^[A-Za-z0-9._-]+(?:\[[^]]*\])?==")
_UV = re.compile(r"^uv==.*(?:\n .*)*", re.MULTILINE)

# A lock is whole: nothing is looked for that does not stand in it.
_FLAGS = ("--require-hashes", "--no-deps", "--only-binary", ":all:")
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


def main() -> int:
    lock = Path(sys.argv[1])
    count = sum(1 for line in lock.read_text().splitlines() if _PIN.match(line))
    print(f"→ installing {lock} ({count} packages; the first time takes up to a minute or two)", flush=True)
    began = time.monotonic()
    if not _by_uv(lock) and not _by_pip(lock, count):
        print(f"✗ {lock} could not be installed; the lines above are pip's", file=sys.stderr)
        return 1
    print(f"✓ {count} packages in {time.monotonic() - began:.0f} s", flush=True)
    return 0


def _by_uv(lock: Path) -> bool:
    """Install with uv, from the index that pip is told of; say whether that went well."""
    with TemporaryDirectory() as directory:
        pins = Path(directory) / "uv.lock"
        pins.write_text("".join(_UV.findall(lock.read_text())))
        got = subprocess.run([*_PIP, "install", "--quiet", *_FLAGS, "--requirement", str(pins)], check=False)
    if got.returncode != 0:
        return False
    environment = os.environ | _settings_of_pip()
    command = [sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable, "--compile-bytecode"]
    with subprocess.Popen(
        [*command, *_FLAGS, "--requirement", str(lock)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=None if sys.stderr.isatty() else subprocess.PIPE,
        text=True,
    ) as uv:
        lines = uv.stderr.read().splitlines() if uv.stderr is not None else []  # On a terminal it shows a bar.
    if uv.returncode != 0:
        print("\n".join(lines[-20:]), file=sys.stderr)
        print("→ uv could not install it; trying pip", flush=True)
    return uv.returncode == 0


def _settings_of_pip() -> dict[str, str]:
    """Tell uv of the index and the certificates that pip uses here: a mirror is said once."""
    names = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    listed = subprocess.run([*_PIP, "config", "list"], check=False, capture_output=True, text=True).stdout
    said = (line.partition("=") for line in listed.splitlines())
    return {names[word]: value.strip("'\"") for name, _, value in said if (word := name.rpartition(".")[2]) in names}


def _by_pip(lock: Path, count: int) -> bool:
    with subprocess.Popen(
        [*_PIP, "install", *_FLAGS, "--progress-bar", "off", "--requirement", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        assert pip.stdout is not None
        lines = list(_show(pip.stdout, count))
    if pip.returncode != 0:
        print("\n".join(lines[-20:]), file=sys.stderr)
    return pip.returncode == 0


def _show(output: Iterable[str], count: int) -> Iterator[str]:
    """Pass pip's lines on, and say at every tenth package, or on a terminal at each, which one it is at."""
    terminal = sys.stdout.isatty()
    done = 0
    for raw in output:
        line = raw.rstrip()
        yield line
        if match := _TAKEN.match(line):
            done += 1
            if terminal:
                print(f"\r\033[K  {done}/{count} {Path(match[1]).name}", end="", flush=True)
            elif done % 10 == 0:
                print(f"  {done}/{count}", flush=True)
        elif line.startswith("Installing collected packages"):
            print(("\r\033[K" if terminal else "") + "  unpacking", flush=True)


if __name__ == "__main__":
    sys.exit(main())
