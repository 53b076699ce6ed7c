"""Many at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from courtyard.core.errors import CourtyardError

_T = TypeVar("_T")


def race(*runners: Callable[[], _T]) -> list[_T | CourtyardError]:
    """Start all in one moment, and return what each returned or how it was refused."""
    start = Barrier(len(runners))

    def run(runner: Callable[[], _T]) -> _T | CourtyardError:
        start.wait()
        try:
            return runner()
        except CourtyardError as error:
            return error

    with ThreadPoolExecutor(len(runners)) as threads:
        return list(threads.map(run, runners))
