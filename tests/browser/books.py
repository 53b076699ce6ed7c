"""A house whose money has moved: a contract, seats, use, an invoice that is open, and a notice on its way."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from courtyard.app import House
from courtyard.core.amount import NANO, Amount, money
from courtyard.core.chat import Kind as Asked
from courtyard.core.clock import FrozenClock
from courtyard.core.ids import EngineName, ModelName, Region, RequestId
from courtyard.core.principal import Role
from courtyard.core.usage import Usage
from courtyard.identity import Setup
from courtyard.ledger import Account, Funding, Leg, Outcome, Period, Use
from courtyard.licensing import Plan, SeatTerms
from courtyard.notices import Channel, Kind
from courtyard.settings import Settings

USD = money("USD")
ADMIN = "ada@example.org"
BUDGET = "Budget of the house"
_TEAM = Plan(
    name="team",
    currency="USD",
    fee_nano=49 * NANO,
    seats=SeatTerms(price_nano=5 * NANO, max=3),
    allowance_nano=20 * NANO,
)


def furnish(data_dir: Path) -> str:
    """Fill a data directory before a server starts on it, and return the number of its invoice."""
    now = datetime.now(UTC)
    then = now.replace(day=1) - timedelta(days=10)
    clock = FrozenClock(then)
    house = House(Settings(data_dir=data_dir), clock)
    setup = house.identity.setup()
    organisation = setup.organisation.id
    house.pricing.set_price(
        ModelName("echo"),
        {"input": 10**12, "output": 10**12},
        currency="USD",
        cost={"input": 6 * 10**11, "output": 6 * 10**11},
    )
    house.licensing.add_plan(_TEAM)
    house.licensing.sign(organisation, "team")
    ada = house.identity.add_person(organisation, email=ADMIN, name="Ada Lovelace", role=Role.ADMIN)
    house.licensing.assign(organisation, ada.id)
    house.ledger.set_limit(organisation, unit=USD, period=Period.MONTH, count=30 * NANO, name=BUDGET)
    for name in ("Northwind Clinics", "云上制造"):
        house.identity.add_organisation(name)
    wallet = next(one for one in house.ledger.accounts() if one.funding is Funding.INCLUDED)
    with ThreadPoolExecutor(max_workers=1) as thread:  # The browser's own event loop runs in this one.
        thread.submit(asyncio.run, _use(house, setup, wallet)).result()
    clock.advance((now - then).total_seconds())
    house.notices.add(Channel.EMAIL, "books@example.org")
    house.notices.tell(Kind.BUDGET_THRESHOLD, organisation=organisation, subject="80 % of a budget is used", once="a")
    (invoice,) = house.billing.issue(organisation, f"{then:%Y-%m}")
    house.close()
    return invoice.number


async def _use(house: House, setup: Setup, wallet: Account) -> None:
    """Use a model once, as serving would settle it."""
    await asyncio.to_thread(house.ledger.open)
    await house.ledger.start()
    model, usage = ModelName("echo"), Usage(input=2000, output=1000)
    priced = house.pricing.priced(model)
    leg = Leg(wallet.id, Amount(priced.price.rate(usage), USD))
    id = RequestId("req_books")
    await house.ledger.ensure([wallet.id])
    use = Use(
        id=id,
        organisation=setup.organisation.id,
        project=setup.project.id,
        kind=Asked.CHAT,
        model=model,
        engine=EngineName("echo"),
        region=Region("home"),
        usage=usage,
        outcome=Outcome.COMPLETE,
        price_book=priced.book,
    )
    await house.ledger.settle(house.ledger.reserve((leg,), key=id), (leg,), use).committed
    await house.ledger.stop()
