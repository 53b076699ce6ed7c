"""Whatever is paid, refunded, disputed, taken back and applied, in any order and more than once: the sums hold."""

import random

import pytest

from courtyard.billing.payments import EntryKind
from courtyard.core.errors import Conflict
from tests.billing.payments.conftest import ORGANISATION, Till
from tests.billing.payments.stripe_server import dispute, event, refund, signed


@pytest.mark.parametrize("seed", range(2))
def test_the_sums_hold_after_every_step(till: Till, seed: int) -> None:
    """Parts sum to their entries, no invoice is paid more than it asks for, and a wallet has what its entries say."""
    dice = random.Random(seed)
    print(f"seed {seed}")
    told: list[bytes] = []

    def tell(body: bytes) -> None:
        told.append(body)
        till.payments.receive("stripe", signed(body, till.clock.now_ms()), body)

    def bank(step: int) -> None:
        where = dice.choice(
            [
                {"invoice": till.invoice.number},
                {"organisation": ORGANISATION},
                {"account": till.wallet.id, "organisation": ORGANISATION},
            ]
        )
        till.payments.record(dice.randrange(1, 9_000), currency="USD", reference=f"bank {step}", **where)

    def stripe(step: int) -> None:
        minor = dice.randrange(100, 5_000)
        intent = till.payments.ask("stripe", organisation=ORGANISATION, account=till.wallet.id, minor=minor)
        tell(till.stripe.paid(intent.id, id=f"evt_{step}", payment=f"pi_{step}"))

    def back(step: int) -> None:
        kinds = (("refund.created", refund), ("charge.dispute.funds_withdrawn", dispute))
        kind, about = dice.choice(kinds)
        # Some are of payments that come later, or never.
        body = about(dice.randrange(1, 3_000), id=f"{kind}_{step}", payment=f"pi_{dice.randrange(step + 5)}")
        tell(event(kind, body, id=f"evt_{step}"))

    def reverse(_: int) -> None:
        paid = [one.id for one in till.payments.entries(limit=500) if one.kind is EntryKind.PAYMENT]
        if paid:
            try:
                till.payments.reverse(dice.choice(paid), reason="by chance")
            except Conflict:
                return  # A part of it went back already.

    def again(_: int) -> None:
        if told:
            tell(dice.choice(told))

    def apply(_: int) -> None:
        till.payments.apply(ORGANISATION)

    for step in range(60):
        dice.choice([bank, bank, stripe, stripe, back, reverse, again, apply])(step)

        entries = till.payments.entries(limit=500)
        for entry in entries:
            assert sum(part.minor for part in entry.allocations) == entry.minor
        parts = [part for entry in entries for part in entry.allocations]
        assert sum(part.minor for part in parts) == sum(entry.minor for entry in entries)
        assert sum(part.minor for part in parts if part.invoice) <= 10_000
        owed = sum(grant.nano - grant.done for grant in till.payments.waiting()) // 10_000_000
        assert till.left() + owed == sum(part.minor for part in parts if part.account)
        assert till.open() == 10_000 - sum(part.minor for part in parts if part.invoice)
