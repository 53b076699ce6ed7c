"""The `courtyard` command."""

from typing import Annotated

import typer

from courtyard import __version__
from courtyard.cli import (
    approvals,
    assurance,
    books,
    contracts,
    customers,
    directories,
    documents,
    evaluation,
    evidence,
    exports,
    identity,
    invoices,
    knowledge,
    labels,
    licence,
    models,
    nodes,
    notices,
    payments,
    plans,
    policy,
    prices,
    privacy,
    providers,
    resellers,
    seats,
    secrets,
    subjects,
    witness,
)
from courtyard.cli import backup as backups
from courtyard.cli.egress import egress
from courtyard.cli.reconcile import reconcile
from courtyard.cli.serve import serve
from courtyard.cli.verify import verify
from courtyard.telemetry import configure_logging

__all__ = ["app", "main"]

app = typer.Typer(
    name="courtyard",
    help="Run, govern and sell generative AI at home.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # A traceback with locals would print secrets.
    rich_markup_mode="rich",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _courtyard(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Run, govern and sell generative AI at home."""
    configure_logging(level="warning")  # What a command has to say for machines goes to standard output alone.


_SERVE, _WHO, _MONEY, _PROOF = "Serve", "Who may", "Money", "Proof"

app.command(rich_help_panel=_SERVE)(serve)
app.add_typer(models.app, name="models", rich_help_panel=_SERVE)
app.add_typer(providers.app, name="providers", rich_help_panel=_SERVE)
app.add_typer(documents.app, name="documents", rich_help_panel=_SERVE)
app.add_typer(knowledge.app, name="knowledge", rich_help_panel=_SERVE)
app.command(rich_help_panel=_SERVE)(egress)
app.command("backup", rich_help_panel=_SERVE)(backups.make)
app.command("restore", rich_help_panel=_SERVE)(backups.restore)
app.add_typer(secrets.app, name="secrets", rich_help_panel=_SERVE)
app.add_typer(nodes.app, name="nodes", rich_help_panel=_SERVE)
app.add_typer(identity.keys, name="keys", rich_help_panel=_WHO)
app.add_typer(identity.people, name="people", rich_help_panel=_WHO)
app.add_typer(identity.projects, name="projects", rich_help_panel=_WHO)
app.add_typer(identity.organisations, name="organisations", rich_help_panel=_WHO)
app.add_typer(directories.app, name="directories", rich_help_panel=_WHO)
app.add_typer(seats.app, name="seats", rich_help_panel=_WHO)
app.add_typer(licence.app, name="licence", rich_help_panel=_WHO)
app.add_typer(policy.app, name="policy", rich_help_panel=_WHO)
app.add_typer(approvals.app, name="approvals", rich_help_panel=_WHO)
app.add_typer(plans.app, name="plans", rich_help_panel=_MONEY)
app.add_typer(contracts.app, name="contracts", rich_help_panel=_MONEY)
app.add_typer(resellers.app, name="resellers", rich_help_panel=_MONEY)
app.add_typer(books.accounts, name="accounts", rich_help_panel=_MONEY)
app.add_typer(prices.app, name="prices", rich_help_panel=_MONEY)
app.command(rich_help_panel=_MONEY)(books.usage)
app.add_typer(customers.app, name="customers", rich_help_panel=_MONEY)
app.add_typer(invoices.app, name="invoices", rich_help_panel=_MONEY)
app.add_typer(exports.app, name="exports", rich_help_panel=_MONEY)
app.add_typer(payments.app, name="payments", rich_help_panel=_MONEY)
app.command(rich_help_panel=_MONEY)(reconcile)
app.add_typer(notices.app, name="notices", rich_help_panel=_MONEY)
app.add_typer(privacy.app, name="privacy", rich_help_panel=_PROOF)
app.add_typer(subjects.app, name="subjects", rich_help_panel=_PROOF)
app.add_typer(labels.app, name="labels", rich_help_panel=_PROOF)
app.command(rich_help_panel=_PROOF)(verify)
app.add_typer(books.receipts, name="receipts", rich_help_panel=_PROOF)
app.add_typer(books.ledger, name="ledger", rich_help_panel=_PROOF)
app.add_typer(evaluation.app, name="evaluation", rich_help_panel=_PROOF)
app.add_typer(evidence.app, name="evidence", rich_help_panel=_PROOF)
app.add_typer(assurance.app, name="assurance", rich_help_panel=_PROOF)
app.add_typer(witness.app, name="witness", rich_help_panel=_PROOF)


def main() -> None:
    """Run the command line."""
    app()
