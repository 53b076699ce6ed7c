"""python -m tests.simulation --steps 1000000 --seed 1"""

import argparse
import os
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress

from tests.simulation.running import run

_FIXED = {**os.environ, "PYTHONHASHSEED": "0"}

WORLD_STEPS = 10_000
"""Steps in one world; then another begins from the next seed."""


def main() -> None:
    """Run worlds one after the other until so many steps are taken."""
    parser = argparse.ArgumentParser(description="Simulate nodes, callers and everything that can go wrong.")
    parser.add_argument("--steps", type=int, default=WORLD_STEPS)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    asked = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # The order of sets is part of what a seed decides.
        os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]], _FIXED)
    print(f"seed {asked.seed}")
    began, left, seed, told = time.monotonic(), asked.steps, asked.seed, 0
    with Progress() as progress:
        bar = progress.add_task("steps", total=asked.steps)
        while left > 0:
            steps = min(left, WORLD_STEPS)
            with TemporaryDirectory() as directory:
                url = f"sqlite:///{directory}/courtyard.db"
                world = run(url, Path(directory), seed=seed, steps=steps, heard=lambda _: progress.advance(bar))
            left, seed, told = left - steps, seed + 1, told + len(world.told)
    print(f"{asked.steps:,} steps, {told:,} answers, {time.monotonic() - began:.0f} s: every promise held")


if __name__ == "__main__":
    main()
