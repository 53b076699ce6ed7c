"""`courtyard privacy`: find and mask, purposes and consents, what is kept how long, breaches, exports."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from courtyard.app import House
from courtyard.cli import privacy_breaches, privacy_purposes, privacy_retention
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, fail, open_house, out, print_json, print_table
from courtyard.cli.files import read_text
from courtyard.cli.names import organisation_of
from courtyard.privacy import Finding, Masked, Mode

app = typer.Typer(help="Personal data: find and mask it, and keep what the law wants kept of it.", no_args_is_help=True)
app.add_typer(privacy_purposes.purposes, name="purposes")
app.add_typer(privacy_purposes.consents, name="consents")
app.add_typer(privacy_retention.app, name="retention")
app.add_typer(privacy_breaches.app, name="breaches")

File = Annotated[Path, typer.Argument(help="A text file; - reads standard input.")]
Organisation = Annotated[
    str | None, typer.Option("--organisation", "-o", help="Whose, by id or name; the only one if left out.")
]


@app.command()
def find(file: File, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Say what is personal in a text, and where. Names and places are looked for too."""
    text = read_text(file)
    with open_house(data_dir) as house:
        [found] = asyncio.run(_found(house, text))
    if json:
        print_json(found)
    elif found:
        print_table(_findings_table(text, found), "what")
    else:
        err.print("nothing personal was found")


@app.command()
def mask(
    file: File,
    *,
    organisation: Organisation = None,
    irreversible: Annotated[bool, typer.Option("--irreversible", help="Write the kind in its place.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what tokens stand for, to restore it later.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Print a text with tokens in the place of what is personal."""
    text = read_text(file)
    mode = Mode.IRREVERSIBLE if irreversible else Mode.REVERSIBLE
    with open_house(data_dir) as house:
        whose = organisation_of(house, organisation).id
        masked = asyncio.run(_masked(house, whose, text, mode))
        if keep:
            house.vault.remember(whose, masked.tokens())
    if json:
        print_json({"text": masked.texts[0], "counts": masked.counts, "mode": mode, "kept": keep})
    else:
        typer.echo(masked.texts[0], nl=not masked.texts[0].endswith("\n"))


@app.command()
def restore(file: File, organisation: Organisation = None, data_dir: DataDir = None) -> None:
    """Print a text with what was masked in it, as far as that was kept."""
    text = read_text(file)
    with open_house(data_dir) as house:
        tokens = house.vault.tokens(organisation_of(house, organisation).id)
    restored = Masked((), {}, tokens).restore(text)
    typer.echo(restored, nl=not restored.endswith("\n"))


@app.command("destroy-key")
def destroy_key(
    organisation: Annotated[str, typer.Argument(help="Whose key, by id or name.")],
    data_dir: DataDir = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Destroy an organisation's key: nothing that was masked and kept with it can be restored by anybody."""
    confirm(f"destroy the key of {organisation} for ever?", yes=yes)
    with open_house(data_dir) as house:
        key = house.vault.destroy(organisation_of(house, organisation).id)
    if json:
        print_json({"destroyed": key})
    else:
        out.print(f"{key} is destroyed; the next mask makes another one", highlight=False)


@app.command()
def exports(
    year: Annotated[int | None, typer.Option(help="Which year (UTC); this one if left out.")] = None,
    organisation: Annotated[
        str | None,
        typer.Option("--organisation", "-o", help="Only its people, by id or name."),
    ] = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Count whose data left the house since 1 January, beside the thresholds of the pack in force."""
    with open_house(data_dir) as house:
        whose = None if organisation is None else organisation_of(house, organisation).id
        house.gate.reload()
        counted = house.register.exports.counted(year, organisation=whose)
    if json:
        print_json(counted)
        return
    out.print(f"{counted.people} people in {counted.year}, {counted.sensitive} of them with sensitive data")
    for entity, people in counted.entities.items():
        out.print(f"  {escape(entity)}: {people}", highlight=False)
    for one in counted.counters:
        limit = one.limit
        out.print(f"  {limit.name}: {one.used} of {limit.value}", highlight=False)
        out.print(f"    [dim]{escape(limit.article)}, {escape(limit.source)}, checked {limit.checked_on}[/dim]")
    if not counted.counters:
        err.print("no pack in force has a threshold; `courtyard policy list` shows packs")


@app.command()
def proofs(data_dir: DataDir = None, json: AsJson = False) -> None:
    """Check every proof of deletion: its signature, and that none is missing."""
    with open_house(data_dir) as house:
        count = len(house.register.proofs.all())
        wrong = house.register.proofs.verify()
        key = house.register.proofs.key
        documents = house.register.proofs.all()
    if json:
        print_json({"key": key, "wrong": wrong, "proofs": documents})
    else:
        out.print(f"{count} proofs, signed by {key}", highlight=False, soft_wrap=True)
    if wrong:
        raise fail("; ".join(wrong))


async def _found(house: House, text: str) -> list[list[Finding]]:
    try:
        return await house.detection.find_all([text])
    finally:
        await house.detection.close()


async def _masked(house: House, organisation: str, text: str, mode: Mode) -> Masked:
    try:
        return await house.masking.mask(organisation, [text], mode)
    finally:
        await house.detection.close()


def _findings_table(text: str, found: list[Finding]) -> Table:
    table = Table("kind", "what", "from", "to", "sure", "sensitive", "found by")
    for one in found:
        what = escape(text[one.start : one.end])
        sure, sensitive = f"{one.score:.2f}", "yes" if one.sensitive else ""
        table.add_row(one.kind, what, str(one.start), str(one.end), sure, sensitive, one.source)
    return table
