"""Files that commands write: whole ones or piece by piece, to a path or to standard output."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from courtyard.cli.common import err, fail

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The file to write, or - for standard output.", dir_okay=False)
]


@contextmanager
def whole_file(output: Path) -> Iterator[BinaryIO]:
    """Give a file to write, which stands at its path once all of it is written, and not before."""
    unfinished = output.with_name(f".{output.name}.unfinished")
    try:
        with unfinished.open("w+b") as file:
            yield file
        unfinished.replace(output)
    except OSError as error:
        raise fail(f"{output} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def write_file(content: Iterable[bytes], output: Path) -> None:
    """Write the pieces as they are made, and say on standard error where to."""
    if str(output) == "-":
        for piece in content:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    try:
        with output.open("wb") as file:
            for piece in content:
                file.write(piece)
    except OSError as error:
        raise fail(f"{output} can't be written: {error.strerror}") from error
    err.print(f"wrote {output}", markup=False, highlight=False, soft_wrap=True)


def read_text(file: Path) -> str:
    """Read a text file, or standard input where it is `-`."""
    try:
        return sys.stdin.read() if file == Path("-") else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise fail(f"{file} can't be read: {why}", status=2) from None
