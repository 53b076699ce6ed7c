"""What Stripe tells is booked once, if Stripe told it and we asked for it; forged, replayed and reordered messages
change nothing."""

import itertools
import json
from threading import Thread

import pytest

from courtyard.billing import Payments, PaymentsSettings
from courtyard.billing.payments import EntryKind, Forged, Intent, ProviderUnavailable, Received, State
from courtyard.core.errors import BookUnavailable, InvalidRequest, NotFound
from tests.billing.payments.conftest import ORGANISATION, Till, settings
from tests.billing.payments.stripe_server import dispute, event, refund, signed


def tell(till: Till, body: bytes, **named: str) -> Received:
    return till.payments.receive("stripe", signed(body, till.clock.now_ms(), **named), body)


def top_up(till: Till, minor: int = 5_000) -> Intent:
    return till.payments.ask("stripe", organisation=ORGANISATION, account=till.wallet.id, minor=minor)


def test_a_paid_top_up_is_in_the_wallet(either_till: Till) -> None:
    """Asked for once, paid at Stripe, granted once under the payment's id, however often Stripe says so."""
    till = either_till
    intent = top_up(till)
    body = till.stripe.paid(intent.id)
    told = [tell(till, body), tell(till, body), tell(till, till.stripe.paid(intent.id, id="evt_other"))]

    assert intent.url == f"{till.stripe.sink.url}/pay/{intent.id}"
    assert [one.state for one in told] == [State.BOOKED, State.BOOKED, State.IGNORED]
    assert till.left() == 5_000
    [entry] = till.payments.entries()
    assert (entry.provider, entry.reference, entry.minor) == ("stripe", "pi_1", 5_000)
    [ours] = till.stripe.sink.heard
    assert ours.headers["idempotency-key"] == intent.id


def test_an_invoice_is_paid_at_stripe(till: Till) -> None:
    """It asks for what is open, and is settled."""
    till.payments.record(2_500, currency="USD", reference="bank 1", invoice=till.invoice.number)
    intent = till.payments.ask("stripe", invoice=till.invoice.number)
    assert intent.minor == 7_500
    tell(till, till.stripe.paid(intent.id))

    assert till.open() == 0
    with pytest.raises(InvalidRequest, match="nothing to pay"):
        till.payments.ask("stripe", invoice=till.invoice.number)


@pytest.mark.parametrize("secret", ["", "whsec_other", "sk_test_local"])
def test_a_forged_top_up_is_refused(till: Till, secret: str) -> None:
    """Whoever does not know the endpoint's secret grants nobody anything: the empty one least of all."""
    intent = top_up(till)
    body = till.stripe.paid(intent.id)

    with pytest.raises(Forged):
        tell(till, body, secret=secret)
    assert till.left() == 0
    assert till.payments.entries() == ()


@pytest.mark.parametrize(
    "header",
    ["", "t=1767225600", "v1=00", "t=,v1=00", "t=1767225600,v0=00", "t=1767225600,t=1,v1=00", "t=9e9,v1=00", "é,v1=é"],
)
def test_a_signature_that_is_none_is_refused(till: Till, header: str) -> None:
    """Whatever stands in the header."""
    with pytest.raises(Forged):
        till.payments.receive("stripe", {"stripe-signature": header}, b"{}")
    with pytest.raises(Forged):
        till.payments.receive("stripe", {}, b"{}")


def test_a_body_that_was_changed_is_refused(till: Till) -> None:
    """The signature is over every byte of it."""
    intent = top_up(till)
    body = till.stripe.paid(intent.id)
    headers = signed(body, till.clock.now_ms())

    with pytest.raises(Forged):
        till.payments.receive("stripe", headers, body.replace(b"5000", b"9000"))
    assert till.left() == 0


@pytest.mark.parametrize("seconds", [301, -301])
def test_an_old_message_is_refused(till: Till, seconds: int) -> None:
    """One that somebody kept is not believed after five minutes, nor one from the future."""
    intent = top_up(till)
    body = till.stripe.paid(intent.id)

    with pytest.raises(Forged, match="300 seconds"):
        till.payments.receive("stripe", signed(body, till.clock.now_ms() - seconds * 1000), body)
    assert till.payments.receive("stripe", signed(body, till.clock.now_ms() - 299_000), body).state is State.BOOKED


def test_without_a_webhook_secret_there_is_no_stripe(till: Till) -> None:
    """An installation that forgot it does not start, rather than believe everybody."""
    for forgotten in ("webhook_secret", "secret_key"):
        options = {**till.stripe.options, forgotten: " "} if forgotten == "webhook_secret" else {"secret_key": ""}
        with pytest.raises(ValueError, match=r"settings: payments\.options\.stripe"):
            Payments(
                till.database,
                till.clock,
                till.ledger,
                PaymentsSettings(providers=("stripe",), options={"stripe": options}),
            )


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"amount_total": 1}, "asked for 50.00 USD"),
        ({"amount_total": 500_000}, "asked for 50.00 USD"),
        ({"currency": "jpy"}, "asked for 50.00 USD"),
        ({"metadata": {"intent": "int_none"}}, "nobody was asked"),
        ({"metadata": {}}, "nobody was asked"),
        ({"metadata": None}, "nobody was asked"),
        ({"session": "cs_other"}, "was asked for as cs_1"),
    ],
)
def test_a_payment_is_what_was_asked_for_or_none(till: Till, changed: dict[str, object], why: str) -> None:
    """Another amount, currency, session or intent is refused, grants nothing, and an operator hears of it."""
    intent = top_up(till)
    told = tell(till, till.stripe.paid(intent.id, **changed))

    assert told.state is State.REFUSED
    assert why in told.why
    assert till.left() == 0
    assert till.payments.entries() == ()
    assert till.kinds() == ["payment.refused"]
    assert [one.happened.id for one in till.payments.refused()] == ["evt_paid"]


def test_a_session_that_is_not_paid_yet_moves_no_money(till: Till) -> None:
    """A slow bank debit is booked when it has succeeded."""
    intent = top_up(till)
    waiting = tell(till, till.stripe.paid(intent.id, payment_status="unpaid"))
    session = {**till.stripe.sessions[intent.id], "payment_status": "paid", "payment_intent": "pi_1"}
    done = tell(till, event("checkout.session.async_payment_succeeded", session, id="evt_later"))

    assert (waiting.state, done.state) == (State.IGNORED, State.BOOKED)
    assert till.left() == 5_000


def test_refunds_and_disputes_are_entries_of_their_own(till: Till) -> None:
    """Each takes back its part of the wallet, a dispute that was won brings it again, and nothing is edited."""
    intent = top_up(till)
    tell(till, till.stripe.paid(intent.id))
    tell(till, event("refund.created", refund(1_000), id="evt_r1"))
    tell(till, event("refund.updated", refund(1_000), id="evt_r2"))
    assert till.left() == 4_000
    tell(till, event("charge.dispute.funds_withdrawn", dispute(4_000), id="evt_d1"))
    assert till.left() == 0
    tell(till, event("charge.dispute.funds_reinstated", dispute(4_000, status="won"), id="evt_d2"))

    assert till.left() == 4_000
    kinds = [entry.kind for entry in reversed(till.payments.entries())]
    assert kinds == [EntryKind.PAYMENT, EntryKind.REFUND, EntryKind.DISPUTE, EntryKind.REVERSAL]


def test_more_than_came_does_not_go_back(till: Till) -> None:
    """A refund larger than its payment is refused, and somebody looks."""
    intent = top_up(till)
    tell(till, till.stripe.paid(intent.id))
    told = tell(till, event("refund.created", refund(5_001), id="evt_r1"))

    assert told.state is State.REFUSED
    assert till.left() == 5_000


def test_what_was_spent_is_taken_back_once_there_is_something_again(till: Till) -> None:
    """A refund of spent credit leaves a debt on the wallet, which the next top-up pays."""
    tell(till, till.stripe.paid(top_up(till).id))
    till.spend(4_000)
    tell(till, event("refund.created", refund(5_000), id="evt_r1"))
    assert till.left() == 0
    [owed] = till.payments.waiting()
    assert (owed.done - owed.nano, owed.why) == (40_000_000_000, "the rest is spent or in use")

    tell(till, till.stripe.paid(top_up(till, 6_000).id, id="evt_2", payment="pi_2"))
    till.payments.finish()

    assert till.left() == 2_000
    assert till.payments.waiting() == ()


def test_messages_in_any_order_come_to_the_same(till: Till) -> None:
    """A refund told before its payment waits for it; every order of five messages, each twice, ends alike."""
    ends = set()
    for number, order in enumerate(itertools.permutations(range(5))):
        if number % 12:
            continue  # Ten of the orders, spread evenly.
        intent, names = top_up(till), {"payment": f"pi_{number}"}
        before = till.left()
        messages = [
            till.stripe.paid(intent.id, id=f"paid_{number}", **names),
            event("refund.created", refund(1_500, id=f"re_{number}", **names), id=f"r1_{number}"),
            event("refund.failed", refund(1_500, id=f"re_{number}", status="failed", **names), id=f"r2_{number}"),
            event("charge.dispute.funds_withdrawn", dispute(3_000, id=f"dp_{number}", **names), id=f"d1_{number}"),
            event("charge.dispute.funds_reinstated", dispute(3_000, id=f"dp_{number}", **names), id=f"d2_{number}"),
        ]
        for place in (*order, *reversed(order)):
            tell(till, messages[place])
        till.payments.finish()
        ends.add(till.left() - before)

    assert ends == {5_000}
    assert till.payments.waiting() == ()


def test_of_many_at_once_one_is_booked(either_till: Till) -> None:
    """Eight processes that hear the same grant it once, on either database."""
    till = either_till
    body = till.stripe.paid(top_up(till).id)
    headers = signed(body, till.clock.now_ms())
    others = [till.again() for _ in range(8)]
    threads = [Thread(target=other.receive, args=("stripe", headers, body)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(till.payments.entries()) == 1
    assert till.left() == 5_000


def test_two_payments_at_once_never_pay_the_same_part(either_till: Till) -> None:
    """Of an invoice that is paid twice at the same moment, one pays it and the other is on the balance."""
    till = either_till
    number = till.invoice.number
    threads = [
        Thread(
            target=till.again().record,
            args=(10_000,),
            kwargs={"currency": "USD", "reference": f"bank {place}", "invoice": number},
        )
        for place in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert till.open() == 0
    assert till.payments.balance(ORGANISATION) == {"USD": 30_000}


def test_a_payment_whose_grant_failed_is_granted_later(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The book was away, or the process was killed between the two: the next turn finishes what was begun, once."""
    body = till.stripe.paid(top_up(till).id)

    def away(*_: object) -> None:
        raise BookUnavailable("the book can't be reached")

    with monkeypatch.context() as patch:
        patch.setattr(till.ledger, "top_up", away)
        assert tell(till, body).state is State.BOOKED
    assert till.left() == 0
    assert [grant.why for grant in till.payments.waiting()] == ["the book can't be reached"]

    assert till.again().finish() == 0
    assert till.again().finish() == 0
    assert till.left() == 5_000


def test_a_grant_that_nobody_noted_is_not_made_twice(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the wallet has it and before that is written down: the reference tells."""
    from courtyard.billing.payments import store  # noqa: PLC0415

    body = till.stripe.paid(top_up(till).id)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_done", killed)
        with pytest.raises(KeyboardInterrupt):
            tell(till, body)
    assert till.left() == 5_000
    assert len(till.payments.waiting()) == 1

    assert till.again().finish() == 0
    assert till.left() == 5_000


def test_events_of_other_kinds_are_taken_and_left(till: Till) -> None:
    """Whatever they are about, and whatever shape it has."""
    told = tell(till, event("customer.created", {"id": 7, "status": ["odd"]}, id="evt_c"))  # type: ignore[dict-item]

    assert told.state is State.IGNORED
    with pytest.raises(InvalidRequest, match="can't be read"):
        tell(till, b'{"id": "evt_x"}')


def test_stripe_says_no_in_its_own_words(till: Till) -> None:
    """And asks again for the same thing once, since the intent is the key."""
    till.stripe.refuse = "Amount must be at least $0.50 usd"
    with pytest.raises(ProviderUnavailable, match=r"HTTP 400: Amount must be at least \$0\.50"):
        top_up(till)
    till.stripe.refuse, till.stripe.asks_for = "", 1

    with pytest.raises(ProviderUnavailable, match="asks for 1 usd"):
        top_up(till)


def test_what_can_not_be_paid_by_is_not_there(till: Till) -> None:
    """A provider that is not set up has no door, and one that is not installed keeps the house from opening."""
    with pytest.raises(NotFound, match=r"payments\.providers"):
        till.payments.receive("paypal", {}, b"")
    with pytest.raises(ValueError, match="not installed"):
        Payments(till.database, till.clock, till.ledger, PaymentsSettings(providers=("paypal",)))
    assert json.dumps(settings(till.stripe).options)
    assert "sk_test" not in repr(till.payments._providers)
