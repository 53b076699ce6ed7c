"""Times a decision: from the gate's memory, by Cedar for facts that are new, and by plain Python.

    $ python -m benchmarks.policy [--rounds 5]

The facts are those of the packs' own vectors. `remembered` is what a request meets whose facts came before; `new facts`
is a decision by Cedar with its rules, articles and obligations; `plain Python` is the reference that the tests compare
Cedar with (tests/policy/reference.py). All rounds are printed, and a spin of the processor beside them tells how much
else runs on the machine.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from courtyard.approvals import Approvals
from courtyard.core.clock import SystemClock
from courtyard.policy import ENVELOPE, Facts, Gate, Judgement, Packs, read_pack, shipped, shipped_files
from courtyard.storage import Database, Keyring
from tests.policy.reference import REFERENCES

_CALLS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print("| pack | rules | remembered p50 / p99 µs | new facts p50 / p99 µs | plain Python p50 µs | spin µs |")
    print("|---|--:|--:|--:|--:|--:|")
    for name in shipped():
        _row(name, rounds)


def _row(name: str, rounds: int) -> None:
    judgement = Judgement(read_pack(shipped_files(name)))
    reference = REFERENCES[name](judgement.pack)
    asked = [vector.facts for vector in judgement.pack.vectors if vector.duties is None]
    with TemporaryDirectory() as directory:
        gate = _in_force(name, directory)
        for _ in range(rounds):
            remembered = _timed(gate.decide, asked)
            new = _timed(judgement.decide, asked)
            plain = _timed(reference, asked)
            spin = _timed(lambda _facts: sum(range(1000)), asked)
            print(
                f"| {name} | {len(judgement.pack.rules)} | {_told(remembered)} | {_told(new)} | {plain[0]:.1f} | "
                f"{spin[0]:.1f} |"
            )


def _in_force(name: str, directory: str) -> Gate:
    """A gate at which an example pack is in force, approved by two people."""
    clock = SystemClock()
    database = Database(f"sqlite:///{directory}/courtyard.db")
    database.upgrade()
    approvals = Approvals(database, clock)
    packs = Packs(database, Keyring(Path(directory) / "keys"), approvals, clock)
    files = shipped_files(name)
    packs.bring(files | {ENVELOPE: packs.sign(files, by="a").encode()}, by="a")
    packs.propose(name, by="a")
    packs.approve(name, by="b")
    packs.promote(name, by="a")
    gate = Gate(database, approvals, clock)
    gate.reload()
    return gate


def _timed(decide: Callable[[Facts], Any], asked: Sequence[Facts]) -> tuple[float, float]:
    """Time each of many calls; returns the median and the 99th percentile in microseconds."""
    for facts in asked:
        decide(facts)
    took = []
    for number in range(_CALLS):
        facts = asked[number % len(asked)]
        began = time.perf_counter_ns()
        decide(facts)
        took.append((time.perf_counter_ns() - began) / 1000)
    ordered = statistics.quantiles(took, n=100)
    return ordered[49], ordered[98]


def _told(timing: tuple[float, float]) -> str:
    return f"{timing[0]:.1f} / {timing[1]:.1f}"


if __name__ == "__main__":
    main()
