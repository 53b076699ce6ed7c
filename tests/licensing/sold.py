"""Plans to sell, and people to sell them to."""

import asyncio
from typing import Any

from courtyard.core.chat import Kind
from courtyard.core.ids import ModelName, OrganisationId, RequestId
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Ledger, Outcome, Use
from courtyard.licensing import Licensing, Plan, read_plan
from tests.licensing.asking import admitted, asked

DAY_S = 86_400
DAY_MS = DAY_S * 1000

TEAM = """
plan: team
currency: USD
fee: 49 USD
allowance: 40 USD
credit_line: 500 USD
seats: {price: 20 USD, included: 1, max: 2}
limits: [600 requests/minute]
"""


def plan(name: str = "basic", **said: Any) -> Plan:
    """A plan in dollars with a credit line, and whatever else is said of it."""
    lines = {"plan": name, "currency": "USD", "credit_line": "10 USD"} | said
    return read_plan("\n".join(f"{word}: {value}" for word, value in lines.items() if value is not None))


def accounts(ledger: Ledger, owner: OrganisationId) -> dict[str, Account]:
    """The open accounts of an owner, by name."""
    return {
        account.name.removesuffix(f" of {owner}"): account for account in ledger.accounts() if account.owner == owner
    }


def serve(licensing: Licensing, ledger: Ledger, *used: tuple[OrganisationId, Usage]) -> None:
    """Serve requests of organisations, each by its own contract."""

    async def run() -> None:
        await ledger.start()
        try:
            for number, (organisation, usage) in enumerate(used):
                request = asked(f"req_{number}")
                entitlement = licensing.entitle(admitted(request, organisation=organisation, person=None))
                await ledger.ensure(account.id for account in entitlement.accounts)
                hold = ledger.reserve(
                    licensing.legs(entitlement, ledger.available, usage_max=usage), key=RequestId(request.id)
                )
                settlement = ledger.settle(
                    hold,
                    licensing.charges(entitlement, usage, hold=hold),
                    _use(request.id, organisation, usage, entitlement.priced.book),
                )
                await settlement.committed
        finally:
            await ledger.stop()

    asyncio.run(run())


def _use(id: Any, organisation: OrganisationId, usage: Usage, book: str) -> Use:
    return Use(
        id=id,
        organisation=organisation,
        project="proj_1",
        kind=Kind.CHAT,
        model=ModelName("small"),
        usage=usage,
        outcome=Outcome.COMPLETE,
        price_book=book,
    )
