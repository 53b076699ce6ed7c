"""Progress of what takes long, on standard error: a bar on a terminal, a line a step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from courtyard.cli.common import err


@contextmanager
def bytes_bar(*, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """Give what the catalogue tells its progress to: what is going on, bytes done, bytes in all."""
    if quiet:
        yield lambda _label, _done, _total: None
    elif err.is_terminal:
        with _bar() as bar:
            task = bar.add_task("", total=None)
            yield lambda label, done, total: bar.update(task, description=label, completed=done, total=total or None)
    else:
        yield _Lines()


@contextmanager
def counts_bar(*, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """Give what tells its progress by counts to: what is going on, how many are done, and how many there are."""
    if quiet:
        yield lambda _label, _done, _total: None
    elif err.is_terminal:
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda label, done, total: bar.update(task, description=label, completed=done, total=total or None)
    else:
        yield _Lines()


class _Lines:
    """Says each step once."""

    def __init__(self) -> None:
        self._label = ""

    def __call__(self, label: str, _done: int, _total: int) -> None:
        if label != self._label:
            self._label = label
            err.print(f"→ {label}", markup=False, highlight=False, soft_wrap=True)


def _bar() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    return Progress(*columns, TimeRemainingColumn(), console=err, transient=True)
