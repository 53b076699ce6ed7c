"""`courtyard labels`: mark generated content, tell what is marked, and keep agreements on unlabelled delivery."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from courtyard.cli import label_agreements
from courtyard.cli.common import AsJson, DataDir, err, fail, open_house, out, print_json
from courtyard.cli.files import Output, write_file
from courtyard.core.clock import date_time
from courtyard.labels import Checked, Credentials, Labelled, Origin, Profile, Verdict

app = typer.Typer(
    help="Labels of generated content: for people, in metadata (GB 45438-2025), and as content credentials (C2PA).",
    no_args_is_help=True,
)
app.add_typer(label_agreements.app, name="agreements")

_STATUS = {Verdict.COMPLIANT: 0, Verdict.NON_COMPLIANT: 1, Verdict.NOT_FOUND: 3, Verdict.INCONCLUSIVE: 4}
_COLOURS = {Verdict.COMPLIANT: "green", Verdict.NON_COMPLIANT: "red"}


class As(StrEnum):
    """What is claimed of a file."""

    GENERATED = "generated"
    POSSIBLE = "possible"
    SUSPECTED = "suspected"


_ORIGINS = {As.GENERATED: Origin.GENERATED, As.POSSIBLE: Origin.POSSIBLE, As.SUSPECTED: Origin.SUSPECTED}

File = Annotated[Path, typer.Argument(help="A file, or - for standard input.", allow_dash=True, dir_okay=False)]
WhichProfile = Annotated[
    Profile | None, typer.Option(help="Whose rules: cn, eu or neutral; as the settings say when left out.")
]


@app.command()
def check(file: File, *, profile: WhichProfile = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Say whether a file is labelled: compliant, non-compliant, not found, or inconclusive, and why.

    A text is looked for in the register too, also where its spaces or signs were changed or a long passage is quoted.
    Ends with 0 for compliant, 1 for non-compliant, 3 for not found and 4 for inconclusive.
    """
    data = _read(file)
    with open_house(data_dir) as house:
        checked = house.labels.check(data, file.name, profile=profile)
    if json:
        print_json(checked)
    else:
        _print_checked(checked)
    raise typer.Exit(_STATUS[checked.verdict])


@app.command()
def add(
    file: File,
    *,
    output: Output = None,
    id: Annotated[str, typer.Option("--id", help="Your number for the content; a new one when left out.")] = "",
    claim: Annotated[
        As, typer.Option("--as", help="Generated; or, of somebody else's: possibly generated, or suspected to be.")
    ] = As.GENERATED,
    model: Annotated[str, typer.Option(help="The model that made it; named in content credentials.")] = "",
    language: Annotated[str, typer.Option(help="What people read is written in it; as the settings say.")] = "",
    profile: WhichProfile = None,
    visible: Annotated[bool, typer.Option(help="Whether people are to see or hear it.")] = True,
    credentials: Annotated[bool, typer.Option(help="Whether pictures and PDFs get content credentials.")] = True,
    replace: Annotated[bool, typer.Option("--replace", help="Throw away labels that are wrong or differ.")] = False,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Label a file where it is, or into another file. The same label again changes no byte.

    A label that is there stays, and says that you pass the file on. There is one copy, whatever was there before.
    """
    data = _read(file)
    with open_house(data_dir) as house:
        made = house.labels.add(
            data,
            file.name,
            id=id,
            origin=_ORIGINS[claim],
            model=model,
            language=language,
            profile=profile,
            visible=visible,
            credentials=credentials,
            replaced=replace,
        )
        if made.format in ("text", "markdown") and claim is As.GENERATED:
            number = made.label.produce_id if made.label else id
            house.labels.enter(data.decode("utf-8-sig"), request=number or file.name[:64], model=model)
    target = output or file
    if made.changed or target != file:
        write_file((made.data,), target)
    if json:
        print_json(_described(made))
    elif str(target) != "-":
        out.print(escape(_told(made)), highlight=False, soft_wrap=True)


@app.command()
def ca(*, output: Output = None, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show the authority that content credentials are signed under; it is made the first time.

    Publish its certificate: who trusts it sees your credentials as trusted. Its key stays in the keyring.
    """
    with open_house(data_dir) as house:
        authority = house.labels.authority()
    if output is not None:
        write_file((authority.certificate.encode(),), output)
    if json:
        print_json(authority)
    elif output is None:
        out.print(authority.certificate.rstrip(), highlight=False, soft_wrap=True)
        until = date_time(authority.until_ms).date()
        err.print(f"{authority.name}, until {until}, SHA-256 {authority.fingerprint}", markup=False, soft_wrap=True)


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise fail(f"{file} can't be read: {error.strerror}", status=2) from error


def _print_checked(checked: Checked) -> None:
    colour = _COLOURS.get(checked.verdict, "yellow")
    out.print(f"[{colour}]{checked.verdict}[/{colour}] {escape(checked.reason)}", highlight=False, soft_wrap=True)
    for problem in checked.problems[1:] if checked.verdict is Verdict.NON_COMPLIANT else checked.problems:
        out.print(f"  {escape(problem)}", highlight=False, soft_wrap=True)
    for label in checked.labels:
        told = f"label {label.label}, producer {label.producer}, id {label.produce_id}"
        passed = f", passed on by {label.propagator} as {label.propagate_id}" if label.propagator else ""
        out.print(f"  {escape(told + passed)}", highlight=False, soft_wrap=True)
    seen = f"format {checked.format or 'unknown'}, visible label {checked.visible}"
    out.print(f"  {seen}, content credentials {checked.credentials}", highlight=False, soft_wrap=True)
    for match in checked.matches:
        told = f"{match.share:.0%} is in request {match.request} of {match.organisation}, {match.model}"
        out.print(f"  {escape(told)}, {date_time(match.at_ms):%Y-%m-%d %H:%M}", highlight=False, soft_wrap=True)


def _described(made: Labelled) -> dict[str, object]:
    return {
        "format": made.format,
        "changed": made.changed,
        "label": made.label,
        "visible": made.visible,
        "credentials": made.credentials,
    }


def _told(made: Labelled) -> str:
    if not made.changed:
        return "it carries this label already"
    id = f" {made.label.produce_id or made.label.propagate_id}" if made.label else ""
    signed = ", with content credentials" if made.credentials is not Credentials.NONE else ""
    return f"labelled{id} as {made.format}{signed}; visible label {made.visible}"
