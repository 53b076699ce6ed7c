"""`courtyard knowledge`: collections of documents, and what is found in them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli.bars import counts_bar
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, fail, open_house, out, print_json, print_table
from courtyard.cli.knowledge_index import index, read_here
from courtyard.cli.knowledge_sources import sources
from courtyard.cli.names import organisation_of
from courtyard.core.errors import CourtyardError, NotFound
from courtyard.knowledge import Collection, Custodian, Document, Found, Progress, State

app = typer.Typer(
    help="Documents that answers stand on: collections, who reads them, what failed, and searching.",
    no_args_is_help=True,
)
app.command()(index)
app.add_typer(sources, name="sources")

Name = Annotated[str, typer.Argument(help="The collection's name.")]
Whose = Annotated[str | None, typer.Option("--organisation", help="Whose it is; the only one if left out.")]
Readers = Annotated[
    list[str] | None,
    typer.Option("--reader", help="A person's e-mail address, or a project; may be said again. Everybody if left out."),
]

_PAGE = 1000
_TEXT_MAX = 300


@app.command("list")
def list_(organisation: Whose = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List collections, and how far their documents are read."""
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        found = [(one, house.knowledge.progress(me, one.name)) for one in house.knowledge.collections(me)]
        who = {id: name for one, _ in found for id, name in _names(house, one).items()}
    if json:
        print_json([{"collection": one, "documents": progress} for one, progress in found])
    elif found:
        table = Table("name", "title", "ready", "waiting", "failed", "readers")
        for one, progress in found:
            counts = f"{progress.ready:,}", f"{progress.unread:,}", f"{progress.failed:,}"
            readers = ", ".join(who[id] for id in one.readers) or "everybody"
            table.add_row(one.name, escape(one.title), *counts, escape(readers))
        print_table(table, "readers", "title")
    else:
        err.print("there are no collections; `courtyard knowledge create NAME` makes one")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Small letters, digits and dashes.")],
    *,
    title: Annotated[str, typer.Option(help="What people read.")] = "",
    reader: Readers = None,
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Make a collection."""
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        made = house.knowledge.create(me, name, title, [_reader(house, me, one) for one in reader or ()])
    if json:
        print_json(made)
    else:
        out.print(f"{made.name} is there; `courtyard knowledge add {made.name} FOLDER` fills it", highlight=False)


@app.command()
def change(
    name: Name,
    *,
    title: Annotated[str | None, typer.Option(help="Another title.")] = None,
    reader: Readers = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Let everybody in the organisation read it.")] = False,
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Give a collection another title, or other readers in the place of those it has."""
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        before = house.knowledge.collection(me, name)
        readers = [_reader(house, me, one) for one in reader] if reader else list(before.readers)
        changed = house.knowledge.change(
            me, name, title=before.title if title is None else title, readers=[] if everybody else readers
        )
    if json:
        print_json(changed)
    else:
        out.print(f"{changed.name} is changed", highlight=False)


@app.command()
def delete(name: Name, organisation: Whose = None, data_dir: DataDir = None, yes: Yes = False) -> None:
    """Delete a collection with all its documents."""
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        progress = house.knowledge.progress(me, name)
        confirm(f"delete {name} with {progress.read + progress.unread:,} documents?", yes=yes)
        house.knowledge.delete(me, name)
    out.print(f"{name} is deleted", highlight=False)


@app.command()
def add(
    name: Name,
    paths: Annotated[list[Path], typer.Argument(help="Files, and folders with all that is below them.", exists=True)],
    *,
    wait: Annotated[bool, typer.Option(help="Wait until they are read.")] = True,
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Put documents into a collection, and read them here or wait for the server that does.

    A document of the same name gets a new version; what did not change is not read again.
    """
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        house.knowledge.collection(me, name)
        added = _taken_in(house, me, name, list(_files(paths, house.documents.suffixes)), quiet=json)
        progress = read_here(house, me, name, quiet=json) if wait else house.knowledge.progress(me, name)
    _tell(name, added, progress, json=json)


@app.command()
def status(name: Name, organisation: Whose = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Count a collection's documents by how far they have come."""
    with open_house(data_dir) as house:
        progress = house.knowledge.progress(custodian(house, organisation), name)
    if json:
        print_json(progress)
    else:
        out.print(_counted(progress), highlight=False)


@app.command()
def documents(
    name: Name,
    *,
    search: Annotated[str, typer.Option(help="A part of the name or the title.")] = "",
    state: Annotated[State | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_PAGE, help="How many at most, the newest first.")] = 50,
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """List a collection's documents."""
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        page = house.knowledge.documents(me, name, state=state, search=search, limit=limit)
    if json:
        print_json(page.documents)
    elif page.documents:
        table = Table("name", "title", "state", "pages", "passages")
        for one in page.documents:
            table.add_row(escape(one.name), escape(one.title), one.state, f"{one.pages:,}", f"{one.passages:,}")
        print_table(table, "title", "pages")
    else:
        err.print("there are no such documents")


@app.command()
def failures(name: Name, organisation: Whose = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """List the documents that could not be read, and why."""
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        found = house.knowledge.documents(me, name, state=State.FAILED, limit=_PAGE).documents
    if json:
        print_json(found)
        return
    for one in found:
        out.print(f"{one.name}: {one.reason}", markup=False, highlight=False, soft_wrap=True)
    if not found:
        err.print("nothing failed")


@app.command()
def retry(
    name: Name,
    document: Annotated[
        str | None, typer.Argument(help="The document's name or id; all that failed if left out.")
    ] = None,
    *,
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Read documents again that failed."""
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        failed = house.knowledge.documents(me, name, state=State.FAILED, limit=_PAGE).documents
        for one in [_document(house, me, name, document)] if document else failed:
            house.knowledge.retry(me, one.id)
        progress = read_here(house, me, name, quiet=json)
    _tell(name, [], progress, json=json)


@app.command()
def remove(
    name: Name,
    document: Annotated[str, typer.Argument(help="The document's name or id.")],
    organisation: Whose = None,
    data_dir: DataDir = None,
    yes: Yes = False,
) -> None:
    """Take a document out of a collection, with all that was found in it."""
    with open_house(data_dir) as house:
        me = custodian(house, organisation)
        found = _document(house, me, name, document)
        confirm(f"remove {found.name} from {name}?", yes=yes)
        house.knowledge.remove(me, found.id)
    out.print(f"{escape(found.name)} is removed", highlight=False)


@app.command()
def search(
    name: Name,
    question: Annotated[str, typer.Argument(help="In words of any language.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many passages.")] = 5,
    organisation: Whose = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Show what a question finds, and by which way."""
    with open_house(data_dir) as house:
        found = asyncio.run(house.knowledge.search(custodian(house, organisation), [name], question, limit))
    if json:
        print_json(found)
    else:
        _show(found)


def custodian(house: House, organisation: str | None) -> Custodian:
    """Say for which organisation this command works."""
    return Custodian(organisation_of(house, organisation).id)


def _reader(house: House, me: Custodian, text: str) -> str:
    """Find who is to read: a person or a project of the organisation, by address, name or id."""
    people = house.identity.people(organisation=me.organisation)
    projects = house.identity.projects(organisation=me.organisation)
    found = [str(one.id) for one in people if text in (one.id, one.email)]
    found += [str(one.id) for one in projects if text in (one.id, one.name)]
    if not found:
        raise NotFound(f"there is no person and no project {text!r} in this organisation")
    return found[0]


def _names(house: House, collection: Collection) -> dict[str, str]:
    people = {str(one.id): one.email for one in house.identity.people(organisation=collection.organisation)}
    projects = {str(one.id): one.name for one in house.identity.projects(organisation=collection.organisation)}
    return {id: (people | projects).get(id, id) for id in collection.readers}


def _files(paths: list[Path], suffixes: frozenset[str]) -> Iterator[tuple[str, Path]]:
    """Name each file: those in a folder by their way from there."""
    for path in paths:
        if path.is_file():
            yield path.name, path
            continue
        for file in sorted(path.rglob("*")):
            relative = file.relative_to(path)
            is_hidden = any(part.startswith(".") for part in relative.parts)
            if file.suffix.lower() in suffixes and file.is_file() and not file.is_symlink() and not is_hidden:
                yield relative.as_posix(), file


def _taken_in(house: House, me: Custodian, name: str, files: list[tuple[str, Path]], *, quiet: bool) -> list[Document]:
    """Put files in; one that is refused is told and stops no other."""
    added = []
    with counts_bar(quiet=quiet) as bar:
        for done, (called, path) in enumerate(files):
            bar("putting in", done, len(files))
            try:
                added.append(house.knowledge.add(me, name, called, path.read_bytes()))
            except (CourtyardError, OSError) as error:
                err.print(f"{called}: {getattr(error, 'message', error)}", markup=False, soft_wrap=True)
    if not added:
        raise fail("no file was put in; what can be read: " + " ".join(sorted(house.documents.suffixes)))
    return added


def _document(house: House, me: Custodian, name: str, text: str) -> Document:
    page = house.knowledge.documents(me, name, search="" if text.startswith("doc_") else text, limit=_PAGE)
    for one in page.documents:
        if text in (one.name, one.id):
            return one
    raise NotFound(f"there is no document {text!r} in {name}; `courtyard knowledge documents {name}` lists them")


def _tell(name: str, added: list[Document], progress: Progress, *, json: bool) -> None:
    if json:
        print_json({"added": added, "documents": progress})
        return
    out.print(f"{name}: {_counted(progress)}", highlight=False)
    if progress.failed:
        err.print(f"`courtyard knowledge failures {name}` says why some failed", highlight=False)


def _counted(progress: Progress) -> str:
    parts = (
        f"{progress.ready:,} ready",
        f"{progress.unread:,} waiting",
        f"{progress.duplicate:,} duplicates",
        f"{progress.failed:,} failed",
    )
    return ", ".join(parts)


def _show(found: Found) -> None:
    for number, hit in enumerate(found.hits, start=1):
        page = f", page {hit.passage.page}" if hit.passage.page > 1 else ""
        out.print(f"[bold]{number}[/bold] {escape(hit.title)} [dim]{escape(hit.name)}{page}[/dim]", soft_wrap=True)
        text = " ".join(hit.passage.text.split())
        out.print(f"  {text[:_TEXT_MAX]}", markup=False, highlight=False, soft_wrap=True)
        way = " → ".join(step.name for step in hit.path)
        out.print(f"  {way}", markup=False, highlight=False, style="dim", soft_wrap=True)
    if not found.hits:
        err.print("nothing was found")
