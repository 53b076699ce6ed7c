"""Processes that belong together begin together, come back when they die, and end in order."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.walk.server import ROOT
from tests.walk.wait import until

COMMAND = (sys.executable, "-m", "tests.cli.supervised")


def said(directory: Path) -> list[str]:
    file = directory / "said"
    return file.read_text().splitlines() if file.exists() else []


def pids(directory: Path, name: str) -> list[int]:
    """Every process that did this work, the last one last."""
    found = [re.fullmatch(rf"{name} begins as (\d+)", line) for line in said(directory)]
    return [int(match[1]) for match in found if match]


def test_who_dies_is_started_again_and_all_end_in_order(tmp_path: Path) -> None:
    """Whoever it is, as often as it dies; told to end, workers go first and what they need goes last; it is up once."""
    process = subprocess.Popen([*COMMAND, str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    until(lambda: "up" in said(tmp_path))
    for name, count in (("worker-2", 1), ("engines", 1), ("worker-2", 2)):
        os.kill(pids(tmp_path, name)[-1], signal.SIGKILL)
        until(lambda name=name, count=count: len(pids(tmp_path, name)) == count + 1)
    process.terminate()
    _, log = process.communicate(timeout=60)

    assert process.returncode == 0
    assert said(tmp_path).count("up") == 1
    assert sorted(said(tmp_path)[-3:-1]) == ["worker ends", "worker-2 ends"]
    assert said(tmp_path)[-1] == "engines ends"
    assert re.findall(r"again_in_s=(\S+) process=worker-2 reason=SIGKILL", log) == ["0.0", "0.5"]


def test_who_can_not_begin_ends_the_start(tmp_path: Path) -> None:
    """Where a worker ends before it was ever ready, the others are ended too, and the exit status says so."""
    done = subprocess.run([*COMMAND, str(tmp_path), "fails"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "process_not_started" in done.stderr
    assert "up" not in said(tmp_path)
    assert said(tmp_path)[-1] == "engines ends"
