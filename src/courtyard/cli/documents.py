"""`courtyard documents`: what is read out of a file, before it goes anywhere."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from courtyard.cli.common import AsJson, DataDir, err, fail, out, print_json, refusing
from courtyard.cli.files import Output, write_file
from courtyard.documents import Block, BlockKind, Documents, Reading
from courtyard.settings import load

app = typer.Typer(help="Documents: see what is read out of a file.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The file to read.")]


@app.command()
def read(file: File, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Print what a file says, in the order of reading, as it would go into a collection."""
    content = _content(file)
    with refusing(), closing(_documents(data_dir)) as documents, err.status(f"reading {escape(file.name)}"):
        reading = documents.read(file.name, content)
    if json:
        print_json(reading)
        return
    out.print(_head(reading), markup=False, highlight=False)
    for line in _lines(reading):
        out.print(line, markup=False, highlight=False)
    for warning in reading.warnings:
        err.print(f"[yellow]warning[/yellow] {escape(warning)}", highlight=False, soft_wrap=True)


@app.command()
def page(
    file: File,
    output: Output = None,
    number: Annotated[int, typer.Option("--page", "-p", help="Which page, from 1.", min=1)] = 1,
    width: Annotated[int, typer.Option(help="How wide the picture is, in pixels.", min=16, max=4096)] = 1000,
    data_dir: DataDir = None,
) -> None:
    """Write a page of a PDF file or a picture as PNG, as it is shown beside an answer that cites it."""
    content = _content(file)
    with refusing(), closing(_documents(data_dir)) as documents:
        image = documents.page_image(content, page=number, width=width)
    write_file([image], output or Path(f"{file.stem}-{number}.png"))


def _documents(data_dir: Path | None) -> Documents:
    return Documents(load(data_dir=data_dir).documents)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise fail(f"{file} can't be read: {error.strerror}", status=2) from None


def _head(reading: Reading) -> str:
    words = sum(len(block.text) for block in reading.blocks)
    pages = "1 page" if reading.pages == 1 else f"{reading.pages} pages"
    return f"{reading.title}: {reading.media_type}, {pages}, {words:,} characters"


def _lines(reading: Reading) -> Iterator[str]:
    page = 0
    for block in reading.blocks:
        if block.page != page and reading.pages > 1:
            page = block.page
            yield f"\n[page {page}]"
        yield f"\n{_shown(block)}"


def _shown(block: Block) -> str:
    match block.kind:
        case BlockKind.HEADING:
            return f"{'#' * max(block.level, 1)} {block.text}"
        case BlockKind.PICTURE:
            return f"[picture] {block.text}"
        case _:
            return block.text
