"""Stripe's webhooks at a real server: booked over a real socket, and what a killed process left is finished."""

import json
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Semaphore

import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

from courtyard import settings
from courtyard.app import House
from courtyard.billing.payments import Payments
from courtyard.cli.common import open_house
from courtyard.core.amount import Amount, money
from courtyard.core.clock import SystemClock
from courtyard.core.ids import new_id
from courtyard.ledger import Purpose
from courtyard.notices import Channel, Kind
from tests.billing.payments.stripe_server import StripeServer, signed
from tests.notices.sinks import http_sink
from tests.walk.server import Running, start


def post(server: Running, body: bytes, headers: dict[str, str], *, path: str = "/payments/stripe/webhook") -> int:
    connection = HTTPConnection(*server.address, timeout=30)
    try:
        connection.request("POST", path, body=body, headers={"content-type": "application/json", **headers})
        return connection.getresponse().status
    finally:
        connection.close()


def left(house: House, wallet: str) -> int:
    return sum(balance.available + balance.leased for balance in house.ledger.balances([wallet])) // 10_000_000


def test_a_server_takes_what_stripe_says_and_finishes_what_was_begun(tmp_path: Path, stripe: StripeServer) -> None:
    """A grant that a killed process never made is made at the next start; then a forged message is a 401 and changes
    nothing, and a real one is granted once, however often it comes. Who is to hear of it does."""
    environ = {"COURTYARD_PAYMENTS__PROVIDERS": "bank,stripe", "COURTYARD_NOTICES__PRIVATE_HOSTS": "127.0.0.1"}
    environ |= {f"COURTYARD_PAYMENTS__OPTIONS__STRIPE__{name.upper()}": text for name, text in stripe.options.items()}
    data = tmp_path / "data"
    clock = SystemClock()
    house = House(settings.load(data_dir=data, environ=environ))
    owner = house.identity.setup().organisation.id
    wallet = house.ledger.open_account(owner, purpose=Purpose.WALLET, unit=money("EUR")).id
    intents = [
        house.payments.ask("stripe", organisation=owner, account=wallet, minor=minor, return_url="https://a.example/")
        for minor in (1_000, 2_500)
    ]
    killed = Payments(house.database, clock, _Killed(house), house.settings.payments)  # type: ignore[arg-type]
    first = stripe.paid(intents[0].id, id=new_id("evt"), payment="pi_first")
    with pytest.raises(KeyboardInterrupt):
        killed.receive("stripe", signed(first, clock.now_ms()), first)
    assert left(house, wallet) == 0

    arrived = Semaphore(0)
    with http_sink() as sink:
        sink.answer = lambda _: (arrived.release(), (204, {}, b""))[1]
        secret = house.notices.add(Channel.WEBHOOK, sink.url, kinds=[Kind.PAYMENT_RECEIVED]).secret
        server = start(data, environ=environ)
        try:
            second = stripe.paid(intents[1].id, id=new_id("evt"), payment="pi_second")
            until = clock.monotonic() + 20
            while house.payments.waiting() and clock.monotonic() < until:
                Event().wait(0.05)  # It is the server's own turn that finishes it: nobody asked it anything yet.
            wrong = [signed(second, clock.now_ms(), secret=text) for text in ("", "whsec_other")]
            forged = [post(server, second, headers) for headers in wrong]
            after_forged = left(house, wallet)
            told = [post(server, second, signed(second, clock.now_ms())) for _ in range(3)]
            elsewhere = [
                post(server, b"{}", {}, path=path) for path in ("/payments/paypal/webhook", "/payments/stripe")
            ]
            huge = post(server, b"x" * (1 << 20) + b"x", {})
            is_heard = arrived.acquire(timeout=20)
        finally:
            server.stop()
    assert forged == [401, 401]
    assert after_forged == 1_000
    assert told == [200, 200, 200]
    assert elsewhere == [404, 404]
    assert is_heard
    assert secret is not None
    Webhook(secret).verify(sink.heard[0].body, sink.heard[0].headers)
    assert huge == 413
    assert left(house, wallet) == 3_500
    assert len(house.payments.entries()) == 2
    assert house.payments.waiting() == ()
    house.close()


class _Killed:
    """A ledger whose process is killed before it grants."""

    def __init__(self, house: House) -> None:
        self.account = house.ledger.account

    def top_up(self, *_: object) -> None:
        raise KeyboardInterrupt


def test_payments_on_the_command_line(tmp_path: Path) -> None:
    """A bank transfer tops up a wallet, waits for its owner, and is taken back; lists say so, and so do empty ones."""
    from courtyard.cli import payments  # noqa: PLC0415

    def run(*arguments: str) -> str:
        result = CliRunner(env={"COLUMNS": "200"}).invoke(payments.app, [*arguments, "--data-dir", str(tmp_path)])
        assert result.exit_code == 0, result.output
        return result.output

    with open_house(tmp_path, new=True) as house:
        organisation = house.identity.setup().organisation
        wallet = house.ledger.open_account(organisation.id, purpose=Purpose.WALLET, unit=money("USD")).id
    assert "nothing was paid yet" in run("list")
    assert "nothing is open" in run("receivables")
    asked = run("ask", wallet, "12.50")
    paid = json.loads(run("record", wallet, "12.50", "USD", "--reference", "bank 1", "--json"))
    stray = json.loads(run("record", "-", "7", "--reference", "bank 2", "--on", "2026-11-01", "--json"))
    assert "balance of nobody knows whom: 7.00 USD" in run("receivables")
    run("assign", stray["id"], organisation.id)
    back = json.loads(run("reverse", paid["id"], "--reason", "bounced", "--yes", "--json"))
    listed = run("list", "--organisation", organisation.id)

    assert "Transfer 12.50 USD" in asked
    assert (paid["minor"], back["minor"], back["of"]) == (1_250, -1_250, paid["id"])
    assert "-12.50 USD" in listed
    assert f"balance of {organisation.name}: 7.00 USD" in run("receivables")
    assert "nothing on the balance" in run("apply", organisation.id)
    with open_house(tmp_path) as house:
        assert house.ledger.balances([wallet])[0].available == 0
        assert house.ledger.withdraw(wallet, Amount(1, money("USD")), "x").count == 0
