"""Installs a lock file with pip, hashes checked, and shows how far it is.

.venv/bin/python tools/install.py requirements.lock
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

_TAKEN = re.compile(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)")
_PIN = re.compile(r"^[A-Za-z0-9._-]+(?:\[[^]]*\])?==")


def main() -> int:
    lock = Path(sys.argv[1])
    count = sum(1 for line in lock.read_text().splitlines() if _PIN.match(line))
    print(f"→ installing {lock} ({count} packages; the first time takes a minute or two)", flush=True)
    began = time.monotonic()
    # A lock is whole: pip looks for nothing that does not stand in it.
    flags = ("--disable-pip-version-check", "--no-input", "--require-hashes", "--no-deps")
    command = [sys.executable, "-m", "pip", "install", *flags]
    with subprocess.Popen(
        [*command, "--only-binary", ":all:", "--progress-bar", "off", "--requirement", str(lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as pip:
        assert pip.stdout is not None
        lines = list(_show(pip.stdout, count))
    if pip.returncode != 0:
        print("\n".join(lines[-20:]), file=sys.stderr)
        print(f"✗ {lock} could not be installed; the lines above are pip's", file=sys.stderr)
        return 1
    print(f"✓ {count} packages in {time.monotonic() - began:.0f} s", flush=True)
    return 0


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
