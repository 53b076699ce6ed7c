"""The first start: people, a wallet, prices and a model, so that a laptop serves without a question asked."""

import msgspec
from rich.markup import escape

from courtyard.app import House
from courtyard.catalogue import ModelUnavailable
from courtyard.cli.bars import bytes_bar
from courtyard.cli.common import err, fail
from courtyard.core.amount import NANO, money
from courtyard.core.errors import NotAuthenticated
from courtyard.identity import Setup
from courtyard.ledger import Period, Purpose
from courtyard.pricing import ANY, nano

_SMALL = "small"
_EMBEDDINGS = "embed"
_NOTHING = "none"

_FIRST_KEY = "first-api-key"
_CREDIT = 100
"""What the first organisation may use in a month, in units of the currency, until an operator says otherwise."""
_RATES = {"input": nano("0.10"), "cached_input": nano("0.05"), "output": nano("0.40")}
"""What every model without a price of its own costs, per million tokens, until an operator says otherwise."""


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a newcomer needs: an address, a key and a way in."""

    url: str
    api_key: str | None
    sign_in: str


def prepare(house: House) -> Setup:
    """Set up what is not there yet: the first people, their wallet, a price and a key."""
    setup = house.identity.setup()
    if setup.created:
        house.ledger.open_account(
            setup.organisation.id,
            purpose=Purpose.WALLET,
            unit=money(house.settings.currency),
            period=Period.MONTH,
            count_max=_CREDIT * NANO,
            name=f"{setup.organisation.name}: monthly credit",
        )
    if not house.pricing.history():
        house.pricing.set_price(ANY, _RATES, currency=house.settings.currency)
    # A house that is set up anew knows no key: the one that may lie here was of an earlier database.
    if setup.created or (house.keyring.kept(_FIRST_KEY) is None and not house.identity.keys()):
        made = house.identity.create_key(setup.project.id, name="first key", person=setup.person.id)
        house.keyring.keep(_FIRST_KEY, made.secret)
    return setup


def welcome(house: House, setup: Setup, url: str) -> Welcome:
    """Make a sign-in link for the operator, and show the first key again to the owner of the data directory."""
    link = house.identity.one_time_link(setup.person.id)
    reached_by = house.settings.server.url or url
    return Welcome(url=url, api_key=_first_key(house), sign_in=f"{reached_by}/sign-in?token={link}")


def bring_model(house: House, name: str, *, quiet: bool) -> None:
    """Serve the embedded model of this name; where it can't be had or does not fit, say so and serve the small one."""
    if name == _NOTHING:
        house.catalogue.rest_embedded()
        return
    with bytes_bar(quiet=quiet) as report:
        try:
            house.catalogue.bring(name, report)
        except ModelUnavailable as error:
            if name == _SMALL:
                raise fail(error.message) from error
            err.print(f"[yellow]![/yellow] {escape(error.message)}", soft_wrap=True, highlight=False)
            err.print("[yellow]![/yellow] serving the small model instead; the next start tries again")
            name = _SMALL
            house.catalogue.bring(name, report)
    house.catalogue.serve_embedded(name)
    house.catalogue.serve_embedded(_EMBEDDINGS)


def _first_key(house: House) -> str | None:
    """Read the first key again, as long as it opens the door."""
    secret = house.keyring.kept(_FIRST_KEY)
    if secret is None:
        return None
    try:
        house.identity.authenticate(secret)
    except NotAuthenticated:
        return None
    return secret
