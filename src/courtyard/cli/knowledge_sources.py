"""`courtyard knowledge sources`: folders, pages and buckets that fill a collection by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House, knowledge_sources
from courtyard.cli.common import (
    AsJson,
    DataDir,
    Yes,
    confirm,
    duration_s,
    err,
    open_house,
    out,
    print_json,
    print_table,
)
from courtyard.cli.names import organisation_of
from courtyard.core.clock import date_time
from courtyard.core.errors import InvalidRequest
from courtyard.knowledge import Bucket, Collection, Custodian, Folder, KnowledgeSources, Pages, Source

sources = typer.Typer(help="Folders, web pages and buckets that fill a collection by themselves.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The collection's name.")]
Whose = Annotated[str | None, typer.Option("--organisation", help="Whose it is; the only one if left out.")]
Called = Annotated[str, typer.Option("--name", help="What the source is called.")]


@sources.command("add-folder")
def add_folder(
    name: Name,
    folder: Annotated[Path, typer.Argument(help="With all that is below it.", exists=True, file_okay=False)],
    *,
    called: Called = "folder",
    every: Annotated[str, typer.Option(help="How often it is looked at.")] = "5s",
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Watch a folder: what is put there is read, what changes is read again, what is taken away is not found."""
    with _opened(data_dir, name, organisation) as (known, of):
        options = Folder(path=str(folder.resolve()))
        made = known.add(of, called, options, every_s=duration_s(every))
    _tell(made, json=json)


@sources.command("add-pages")
def add_pages(
    name: Name,
    urls: Annotated[list[str] | None, typer.Argument(help="Addresses.")] = None,
    *,
    file: Annotated[Path | None, typer.Option(help="A file of addresses, one a line.", exists=True)] = None,
    called: Called = "pages",
    every: Annotated[str, typer.Option(help="How often they are fetched.")] = "1d",
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Fetch web pages, and again when they may have changed. Links in them are not followed."""
    with _opened(data_dir, name, organisation) as (known, of):
        lines = [line.strip() for line in file.read_text().splitlines()] if file else []
        listed = tuple(dict.fromkeys(one for one in (*(urls or ()), *lines) if one and not one.startswith("#")))
        if not 0 < len(listed) <= 1000:
            raise InvalidRequest("name 1 to 1,000 addresses; make several sources of more")
        made = known.add(of, called, Pages(urls=listed), every_s=duration_s(every))
    _tell(made, json=json)


@sources.command("add-bucket")
def add_bucket(
    name: Name,
    bucket: Annotated[str, typer.Argument(help="The bucket's name.")],
    *,
    endpoint: Annotated[str, typer.Option(help="The store: https://s3.example.com.")],
    access_key: Annotated[str, typer.Option(help="The access key's id.")],
    secret_key: Annotated[
        str,
        typer.Option(envvar="COURTYARD_SECRET_S3", prompt="secret key", hide_input=True, help="Asked for if left out."),
    ],
    prefix: Annotated[str, typer.Option(help="Only objects whose key begins so.")] = "",
    region: Annotated[str, typer.Option(help="What the signature names.")] = "us-east-1",
    called: Called = "bucket",
    every: Annotated[str, typer.Option(help="How often it is listed.")] = "5m",
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Read a bucket of a store that speaks S3's protocol. Its secret key stays in this machine's keys."""
    with _opened(data_dir, name, organisation) as (known, of):
        options = Bucket(endpoint=endpoint, bucket=bucket, access_key=access_key, prefix=prefix, region=region)
        made = known.add(of, called, options, every_s=duration_s(every), secret=secret_key)
    _tell(made, json=json)


@sources.command("list")
def list_(name: Name, organisation: Whose = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List a collection's sources, and what the last look at each was told."""
    with _opened(data_dir, name, organisation) as (known, of):
        found = known.of(of)
    if json:
        print_json(found)
    elif found:
        table = Table("name", "what", "every", "looked at (UTC)", "problem")
        for one in found:
            looked = f"{date_time(one.looked_ms):%Y-%m-%d %H:%M}" if one.looked_ms else "not yet"
            table.add_row(one.name, escape(_what(one)), f"{one.every_s:,} s", looked, escape(one.problem))
        print_table(table, "every")
    else:
        err.print(f"{name} has no sources; `courtyard knowledge sources add-folder {name} FOLDER` adds one")


@sources.command("remove")
def remove(
    name: Name,
    source: Annotated[str, typer.Argument(help="The source's name.")],
    organisation: Whose = None,
    data_dir: DataDir = None,
    yes: Yes = False,
) -> None:
    """Take a source away, with all documents that came from it."""
    confirm(f"remove the source {source} of {name}, and its documents?", yes=yes)
    with _opened(data_dir, name, organisation) as (known, of):
        count = known.remove(of, source)
    out.print(f"{source} is removed, and {count:,} documents with it", highlight=False)


@contextmanager
def _opened(
    data_dir: Path | None, name: str, organisation: str | None
) -> Iterator[tuple[KnowledgeSources, Collection]]:
    with open_house(data_dir) as house:
        of = house.knowledge.collection(Custodian(organisation_of(house, organisation).id), name)
        yield _sources(house), of


def _sources(house: House) -> KnowledgeSources:
    return knowledge_sources(house.settings, house.database, house.documents, house.clock)


def _tell(made: Source, *, json: bool) -> None:
    if json:
        print_json(made)
    else:
        out.print(f"{made.name} is looked at every {made.every_s:,} s while Courtyard serves", highlight=False)


def _what(source: Source) -> str:
    match source.options:
        case Folder(path=path):
            return path
        case Pages(urls=urls):
            return f"{len(urls):,} pages"
        case Bucket() as bucket:
            return f"{bucket.bucket}/{bucket.prefix} at {bucket.endpoint}"
