"""A supervisor with two workers and one process below them, which do nothing but say what happens to them.

`python -m tests.cli.supervised DIRECTORY [fails]`: each process writes lines to a file of its name; with `fails`, the
second worker ends before it is ready.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from courtyard.cli.supervising import Post, Supervisor
from courtyard.telemetry import configure_logging


def main() -> int:
    """Supervise until told to end."""
    configure_logging()
    directory, fails = Path(sys.argv[1]), "fails" in sys.argv[2:]
    said = directory / "said"

    def tell(text: str) -> None:
        with said.open("a") as file:
            file.write(f"{text}\n")

    def work(name: str) -> Callable[[Callable[[], None], int], int]:
        def run(ready: Callable[[], None], _lifeline: int) -> int:
            if fails and name == "worker-2":
                return 3
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            tell(f"{name} begins as {os.getpid()}")
            ready()
            signal.sigwait([signal.SIGTERM])
            tell(f"{name} ends")
            return 0

        return run

    workers = [Post(name, work(name)) for name in ("worker", "worker-2")]
    return Supervisor(workers=workers, below=[Post("engines", work("engines"))]).run(lambda: tell("up"))


if __name__ == "__main__":
    sys.exit(main())
