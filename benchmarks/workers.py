"""What a worker takes of memory: started, and after requests. `python -m benchmarks.workers`."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

_BODY = {"model": "echo", "messages": [{"role": "user", "content": "one two three four five"}]}
_CLIENTS = 32
_SERVE = (sys.executable, "-m", "courtyard", "serve", "--model", "echo", "--port", "0", "--json")


def main() -> None:
    """Start workers twice, since a first start sets up what later ones find; ask, and print a line a process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--requests", type=int, default=4000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        _stop(_start(Path(directory), workers=1)[0])
        process, said = _start(Path(directory), workers=given.workers)
        print("| process | RSS MB | PSS MB | its own MB | RSS MB after | PSS MB after | its own MB after |")
        print("|---|--:|--:|--:|--:|--:|--:|")
        started = _memory(process.pid)
        _ask(said, given.requests)
        for name, after in _memory(process.pid).items():
            print(f"| {name} | {_line(started[name])} | {_line(after)} |")
        _stop(process)


def _start(directory: Path, *, workers: int) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    process = subprocess.Popen(
        [*_SERVE, "--data-dir", str(directory / "data"), "--workers", str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _ask(said: dict[str, Any], count: int) -> None:
    headers = {"Authorization": f"Bearer {said['api_key']}", "Content-Type": "application/json"}

    def client() -> None:
        connection = HTTPConnection(said["url"].removeprefix("http://"))
        for _ in range(count // _CLIENTS):
            connection.request("POST", "/v1/chat/completions", json.dumps(_BODY), headers)
            connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _memory(parent: int) -> dict[str, tuple[float, float, float]]:
    """Resident, shared out, and its own, of the supervisor and of each process under it."""
    found = {"supervisor": _of(parent)}
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        found[Path(f"/proc/{pid}/comm").read_text().strip()] = _of(int(pid))
    return found


def _of(pid: int) -> tuple[float, float, float]:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {name: int(count) for name, count in re.findall(r"^(\w+): +(\d+) kB", text, re.MULTILINE)}
    own = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return kilobytes["Rss"] / 1000, kilobytes["Pss"] / 1000, own / 1000


def _line(memory: tuple[float, float, float]) -> str:
    return " | ".join(f"{megabytes:.0f}" for megabytes in memory)


if __name__ == "__main__":
    main()
