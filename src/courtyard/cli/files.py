"""Files that commands write: whole ones or piece by piece, to a path or to standard output."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from courtyard.cli.common import err, fail

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The file to write, or - for standard output.", dir_okay=False)
]


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
