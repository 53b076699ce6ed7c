"""`courtyard providers`: who else may run requests, on what evidence, for what, and until when."""

import sys
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from rich.markup import escape

from courtyard.app import House
from courtyard.catalogue import EvidenceKind, Provider, Scope, read_provider
from courtyard.cli import providers_bounds
from courtyard.cli.approvals import decider_of
from courtyard.cli.common import AsJson, DataDir, Yes, confirm, err, fail, open_house, out, print_json, print_table
from courtyard.cli.dates import since_ms, until_ms
from courtyard.cli.names import organisation_of
from courtyard.cli.providers_shown import changes_table, lines_of, listed_table
from courtyard.core.ids import ModelName
from courtyard.egress import pin_of

app = typer.Typer(
    help="Providers: who else may run requests, what they have shown, and what they may get.", no_args_is_help=True
)
evidence = typer.Typer(help="What a provider has shown, each piece by a document that expires.", no_args_is_help=True)
app.add_typer(evidence, name="evidence")
providers_bounds.add_to(app)

Which = Annotated[str, typer.Argument(metavar="PROVIDER", help="A provider's name.")]
By = Annotated[str, typer.Option(help="Who does it: a person's e-mail address or id.")]
Reason = Annotated[str, typer.Option(help="Why. It is kept with the change.")]
Until = Annotated[str, typer.Option(help="The last day on which it holds, as 2026-12-31.")]
Purposes = Annotated[list[str], typer.Option("--purpose", help="What it may be asked for; repeatable.")]
Organisations = Annotated[
    list[str] | None, typer.Option("--organisation", help="Who may be sent there; repeatable. [default: all]")
]
Models = Annotated[list[str] | None, typer.Option("--model", help="Which models; repeatable. [default: all]")]


@app.command("list")
def list_(data_dir: DataDir = None, json: AsJson = False) -> None:
    """List providers, and what keeps each from serving."""
    with open_house(data_dir) as house:
        cards = [house.providers.card(provider.id) for provider in house.providers.providers()]
        foreign_on = house.providers.foreign_on
    if json:
        print_json({"foreign_on": foreign_on, "providers": cards})
        return
    if cards:
        print_table(listed_table(cards), "regions", "owner")
    else:
        err.print("no providers; everything runs on engines of your own")
    if not foreign_on:
        err.print("nobody foreign is asked; `courtyard providers restore --foreign` lets them be, by two people")


@app.command()
def show(provider: Which, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Show a provider: its facts, its evidence, its caps, and what was changed."""
    with open_house(data_dir) as house:
        found = house.providers.provider(provider)
        card = house.providers.card(found.id)
        persons = house.providers.persons(found.id)
        changes = house.providers.changes(found.id, limit=20)
    if json:
        print_json({"provider": found, "card": card, "persons": persons, "changes": changes})
        return
    for line in lines_of(found, card, persons):
        out.print(line, highlight=False, soft_wrap=True)
    print_table(changes_table(changes), "why")


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="A YAML file; `-` is standard input.", allow_dash=True)],
    *,
    by: By,
    reason: Reason,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Propose a provider from YAML, with the evidence that it names. One that is there begins anew, with no caps."""
    text = sys.stdin.read() if str(file) == "-" else _text(file)
    with open_house(data_dir) as house:
        name, facts, shown = read_provider(text)
        who = decider_of(house, by)
        documents = [(item, _digest(file.parent / item.document)) for item in shown]
        found = house.providers.propose(name, facts, by=who, reason=reason)
        for item, digest in documents:
            found = house.providers.show(
                found.id,
                item.kind,
                statement=item.statement,
                digest=digest,
                dated_ms=item.dated_ms,
                expires_ms=item.expires_ms,
                by=who,
            )
    _say(found, json=json)


@evidence.command("add")
def add_evidence(
    provider: Which,
    kind: Annotated[EvidenceKind, typer.Argument(help="What it shows.")],
    document: Annotated[Path, typer.Argument(help="The document. Its digest is kept; keep the file yourself.")],
    *,
    statement: Annotated[str, typer.Option(help="What the document says, in a sentence.")],
    dated: Annotated[str, typer.Option(help="The day it is dated, as 2026-01-31.")],
    expires: Annotated[str, typer.Option(help="The last day on which it counts.")],
    by: By,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Add a piece of evidence, in the place of the one of its kind."""
    digest = _digest(document)
    with open_house(data_dir) as house:
        found = house.providers.show(
            provider,
            kind,
            statement=statement,
            digest=digest,
            dated_ms=since_ms(dated),
            expires_ms=until_ms(expires),
            by=decider_of(house, by),
        )
    _say(found, json=json)


@app.command()
def advance(provider: Which, *, by: By, reason: Reason, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Take a provider's evidence for complete, so that it may be tried. One that was suspended begins here, too."""
    with open_house(data_dir) as house:
        found = house.providers.advance(provider, by=decider_of(house, by), reason=reason)
    _say(found, json=json)


@app.command()
def trial(
    provider: Which,
    *,
    until: Until,
    by: By,
    reason: Reason,
    organisation: Organisations = None,
    model: Models = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Let a provider be evaluated, and nothing else."""
    with open_house(data_dir) as house:
        scope = _scope(house, (), organisation, model)
        who = decider_of(house, by)
        found = house.providers.begin_trial(provider, scope, until_ms=until_ms(until), by=who, reason=reason)
    _say(found, json=json)


@app.command()
def admit(
    provider: Which,
    *,
    purpose: Purposes,
    until: Until,
    by: By,
    reason: Reason,
    organisation: Organisations = None,
    model: Models = None,
    data_dir: DataDir = None,
    json: AsJson = False,
) -> None:
    """Admit a provider that was tried, for some purposes and until a day."""
    with open_house(data_dir) as house:
        scope = _scope(house, purpose, organisation, model)
        who = decider_of(house, by)
        found = house.providers.admit(provider, scope, until_ms=until_ms(until), by=who, reason=reason)
    _say(found, json=json)


@app.command()
def suspend(provider: Which, *, by: By, reason: Reason, data_dir: DataDir = None, json: AsJson = False) -> None:
    """Ask nothing of a provider until its evidence has been looked at again."""
    with open_house(data_dir) as house:
        found = house.providers.suspend(provider, by=decider_of(house, by), reason=reason)
    _say(found, json=json)


@app.command()
def expel(
    provider: Which, *, by: By, reason: Reason, yes: Yes = False, data_dir: DataDir = None, json: AsJson = False
) -> None:
    """Never ask a provider again."""
    confirm(f"Never ask {provider} again? It can't be taken back.", yes=yes)
    with open_house(data_dir) as house:
        found = house.providers.expel(provider, by=decider_of(house, by), reason=reason)
    _say(found, json=json)


@app.command()
def pin(certificate: Annotated[Path, typer.Argument(help="A certificate in PEM.")], json: AsJson = False) -> None:
    """Print the pin of a certificate: the SHA-256 of its public key, which a renewal with the same key keeps."""
    try:
        der = load_pem_x509_certificate(certificate.read_bytes()).public_bytes(Encoding.DER)
    except (OSError, ValueError) as error:
        raise fail(f"{certificate} is no certificate in PEM") from error
    if json:
        print_json({"pin": pin_of(der)})
    else:
        out.print(pin_of(der), highlight=False)


def _scope(
    house: House, purposes: list[str] | tuple[()], organisations: list[str] | None, models: list[str] | None
) -> Scope:
    named = None if organisations is None else frozenset(organisation_of(house, text).id for text in organisations)
    known = None if models is None else frozenset(ModelName(house.catalogue.resolve(name).name) for name in models)
    return Scope(purposes=frozenset(purposes), organisations=named, models=known)


def _say(provider: Provider, *, json: bool) -> None:
    if json:
        print_json(provider)
    else:
        out.print(f"{escape(provider.id)} is [bold]{provider.state}[/bold]", highlight=False)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{file} can't be read: {getattr(error, 'strerror', None) or 'it is no text'}") from error


def _digest(document: Path) -> str:
    try:
        return sha256(document.read_bytes()).hexdigest()
    except OSError as error:
        raise fail(f"{document} can't be read: {error.strerror}") from error
