"""What happened is told once, to whom it concerns, by whichever process comes first, and until it arrives."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook

from courtyard.core.clock import FrozenClock, SystemClock
from courtyard.core.errors import Conflict, InvalidRequest, NotFound
from courtyard.notices import (
    Channel,
    Endpoint,
    Kind,
    Notices,
    NoticesSettings,
    SmtpSettings,
    State,
    rules,
    tell,
)
from courtyard.notices.model import Failure, Notice
from courtyard.storage import Database
from tests.notices.sinks import Mailbox, Sink, certificate_for, http_sink, smtp_sink

LOCAL = NoticesSettings(private_hosts=("127.0.0.1",))
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what no other database could change."""
THREE_DAYS_S = 3 * 24 * 3600


@pytest.fixture
def sink() -> Iterator[Sink]:
    with http_sink() as sink:
        yield sink


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with smtp_sink() as mailbox:
        yield mailbox


@pytest.fixture
def notices(database: Database, clock: FrozenClock) -> Notices:
    return Notices(database, clock, LOCAL)


def say(notices: Notices, once: str = "first", *, organisation: str = "org_a", **data: object) -> Notice | None:
    return notices.tell(
        Kind.WALLET_LOW, organisation=organisation, subject="The wallet is nearly empty", once=once, data=data
    )


@SQLITE
def test_a_webhook_verifies_with_the_standards_own_library(database: Database, sink: Sink) -> None:
    """Its headers and signature are those of Standard Webhooks, and its body says what, when and whose."""
    notices = Notices(database, SystemClock(), LOCAL)
    made = notices.add(Channel.WEBHOOK, f"{sink.url}/hook", organisation="org_a")
    told = say(notices, left_nano=5)

    assert notices.deliver() == 1
    assert told is not None
    assert made.secret is not None
    [heard] = sink.heard
    Webhook(made.secret).verify(heard.body, heard.headers)
    assert heard.headers["webhook-id"] == told.id
    body = json.loads(heard.body)
    assert (body["type"], body["data"]["organisation"], body["data"]["left_nano"]) == ("wallet.low", "org_a", 5)
    assert body["timestamp"].endswith("Z")
    assert [delivery.state for delivery in notices.deliveries()] == [State.DELIVERED]


def test_what_was_told_is_not_told_again(notices: Notices, sink: Sink) -> None:
    """The same occasion makes one notice, whoever notices it and however often."""
    notices.add(Channel.WEBHOOK, sink.url)

    told = [say(notices, once) for once in ("first", "first", "second")]
    notices.deliver()

    assert [notice is not None for notice in told] == [True, False, True]
    assert len(sink.heard) == 2
    assert notices.deliver() == 0


@SQLITE
def test_a_notice_of_a_transaction_that_failed_is_never_told(
    database: Database, notices: Notices, clock: FrozenClock
) -> None:
    """It stands or falls with what it tells of, its occasion included."""

    def pay_and_fail() -> None:
        with database.transaction() as db:
            tell(db, Kind.PAYMENT_RECEIVED, organisation="org_a", subject="Paid", once="pay_1", at_ms=clock.now_ms())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pay_and_fail()
    assert notices.list() == ()

    with database.transaction() as db:
        told = tell(db, Kind.PAYMENT_RECEIVED, organisation="org_a", subject="Paid", once="pay_1", at_ms=0)

    assert told is not None


@SQLITE
def test_everybody_hears_their_own(notices: Notices, sink: Sink) -> None:
    """An organisation hears of itself, the operator of all, and each of the kinds it asked for."""
    notices.add(Channel.WEBHOOK, f"{sink.url}/a", organisation="org_a")
    notices.add(Channel.WEBHOOK, f"{sink.url}/b", organisation="org_b")
    notices.add(Channel.WEBHOOK, f"{sink.url}/operator")
    notices.add(Channel.WEBHOOK, f"{sink.url}/invoices", kinds=[Kind.INVOICE_ISSUED])
    say(notices)
    notices.deliver()

    assert sorted(heard.path for heard in sink.heard) == ["/a", "/operator"]


def test_of_many_processes_one_delivers(database: Database, clock: FrozenClock, sink: Sink) -> None:
    """Eight couriers at once bring each notice once."""
    couriers = [Notices(database, clock, LOCAL) for _ in range(8)]
    couriers[0].add(Channel.WEBHOOK, sink.url)
    told = {notice.id for number in range(12) if (notice := say(couriers[0], f"n{number}"))}

    threads = [Thread(target=courier.deliver) for courier in couriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while couriers[0].deliver():
        pass

    heard = [heard.headers["webhook-id"] for heard in sink.heard]
    assert len(heard) == len(told) == 12
    assert set(heard) == told


def test_a_courier_that_died_is_followed_by_another(database: Database, clock: FrozenClock, sink: Sink) -> None:
    """What it had claimed waits for its lease to lapse, and its own word comes too late then."""
    first, second = Notices(database, clock, LOCAL), Notices(database, clock, LOCAL)
    first.add(Channel.WEBHOOK, sink.url)
    say(first)
    from courtyard.notices import store  # noqa: PLC0415 - A process that dies between claiming and sending.

    with database.transaction() as db:
        [held] = store.claim(db, "claim_dead", now_ms=clock.now_ms(), limit=8)
    assert second.deliver() == 0
    clock.advance(rules.CLAIM_MS / 1000)

    assert second.deliver() == 1
    with database.transaction() as db:
        late = store.write_attempt(db, replace(held.delivery, state=State.DEAD), claim="claim_dead")
    assert not late
    assert [delivery.state for delivery in second.deliveries()] == [State.DELIVERED]


@SQLITE
def test_what_fails_is_tried_for_three_days_and_then_dead(notices: Notices, clock: FrozenClock, sink: Sink) -> None:
    """Each attempt carries the same id; after the last one an operator can begin again."""
    sink.answer = lambda _: (500, {}, b"")
    notices.add(Channel.WEBHOOK, sink.url)
    say(notices)
    begun_ms = clock.now_ms()
    while notices.deliveries()[0].state is State.WAITING:
        due_ms = notices.deliveries()[0].next_at_ms
        assert notices.deliver() == (1 if due_ms <= clock.now_ms() else 0)
        clock.advance(max(notices.deliveries()[0].next_at_ms - clock.now_ms(), 0) / 1000 + 0.001)

    [dead] = notices.deliveries()
    assert (dead.state, dead.reason, dead.attempts) == (State.DEAD, "HTTP 500", 10)
    assert THREE_DAYS_S * 1000 <= clock.now_ms() - begun_ms <= 1.3 * THREE_DAYS_S * 1000
    assert len({heard.headers["webhook-id"] for heard in sink.heard}) == 1
    assert notices.deliver() == 0
    sink.answer = lambda _: (200, {}, b"")
    assert notices.retry() == 1
    assert notices.deliver() == 1
    assert notices.deliveries()[0].state is State.DELIVERED


@SQLITE
def test_an_address_that_is_gone_is_closed(notices: Notices, sink: Sink) -> None:
    """A 410 ends everything that waits for it, and nothing more is sent there."""
    sink.answer = lambda _: (410, {}, b"")
    endpoint = notices.add(Channel.WEBHOOK, sink.url).endpoint
    say(notices)
    notices.deliver()
    say(notices, "second")

    assert notices.deliver() == 0
    assert len(sink.heard) == 1
    [closed] = notices.endpoints()
    assert (closed.id, closed.reason) == (endpoint.id, "it answered that it is gone")
    assert notices.retry() == 0
    with pytest.raises(NotFound, match="any more"):
        notices.test(endpoint.id)


def test_what_was_delivered_is_forgotten_after_a_month(notices: Notices, clock: FrozenClock, sink: Sink) -> None:
    """But not that it was told: the same occasion stays silent."""
    notices.add(Channel.WEBHOOK, sink.url)
    say(notices)
    notices.deliver()
    clock.advance(31 * 24 * 3600)
    notices.deliver()

    assert notices.deliveries() == ()
    assert notices.list() == ()
    assert say(notices) is None


@SQLITE
def test_an_email_is_one_letter_to_one_person(database: Database, clock: FrozenClock, mailbox: Mailbox) -> None:
    """Whatever a subject holds, no header and no recipient is added by it."""
    smtp = SmtpSettings(host=mailbox.host, port=mailbox.port, security="none", sender="billing@example.org")
    notices = Notices(database, clock, replace(LOCAL, smtp=smtp))
    notices.add(Channel.EMAIL, "ada@example.org")
    subject = "Low\r\nBcc: eve@example.com\r\n\r\nfree \u2028tokens 钱包 \x00"
    notices.tell(Kind.WALLET_LOW, organisation="org_a", subject=subject, once="x", data={"left": "1\r\n.\r\nQUIT"})

    assert notices.deliver() == 1
    [letter] = mailbox.letters
    assert mailbox.recipients == ["ada@example.org"]
    assert letter["Bcc"] is None
    assert letter["To"] == "ada@example.org"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert notices.deliveries()[0].state is State.DELIVERED


@SQLITE
def test_what_the_mail_server_says_is_kept(database: Database, clock: FrozenClock, mailbox: Mailbox) -> None:
    """A refusal waits for the next attempt, and its words are there to be read."""
    smtp = SmtpSettings(host=mailbox.host, port=mailbox.port, security="none", sender="billing@example.org")
    notices = Notices(database, clock, replace(LOCAL, smtp=smtp))
    notices.add(Channel.EMAIL, "ada@example.org")
    say(notices)
    mailbox.refuse = "452 the mailbox is full"
    notices.deliver()

    [waiting] = notices.deliveries()
    assert waiting.state is State.WAITING
    assert "452" in waiting.reason
    assert "full" in waiting.reason


@SQLITE
def test_a_server_that_can_not_encrypt_gets_no_password(
    database: Database, clock: FrozenClock, mailbox: Mailbox
) -> None:
    """STARTTLS is demanded, not hoped for."""
    smtp = SmtpSettings(
        host=mailbox.host, port=mailbox.port, sender="billing@example.org", username="u", password="never sent"
    )
    notices = Notices(database, clock, replace(LOCAL, smtp=smtp))
    notices.add(Channel.EMAIL, "ada@example.org")
    say(notices)
    notices.deliver()

    assert mailbox.letters == []
    assert "STARTTLS" in notices.deliveries()[0].reason


@SQLITE
@pytest.mark.parametrize("name", ["localhost", "elsewhere.test"])
def test_a_letter_goes_encrypted_to_the_server_that_is_meant(
    database: Database, clock: FrozenClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The certificate is checked before anybody signs in; one of another name gets neither password nor letter."""
    key, certificate = certificate_for(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with smtp_sink(tls) as mailbox:
        smtp = SmtpSettings(
            host="localhost", port=mailbox.port, sender="billing@example.org", username="ada", password="known"
        )
        notices = Notices(database, clock, replace(LOCAL, smtp=smtp))
        notices.add(Channel.EMAIL, "ada@example.org")
        say(notices)
        notices.deliver()

    is_meant = name == "localhost"
    assert len(mailbox.letters) == is_meant
    assert mailbox.sign_ins == ([("ada", "known")] if is_meant else [])
    assert ("certificate" in notices.deliveries()[0].reason) is not is_meant


@SQLITE
def test_without_a_mail_server_email_says_what_to_set(notices: Notices) -> None:
    """The reason of the failure names the setting."""
    notices.add(Channel.EMAIL, "ada@example.org")
    say(notices)
    notices.deliver()

    assert "notices.smtp.host" in notices.deliveries()[0].reason


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "ada@",
        "@example.org",
        "ada@example.org\nBcc: eve@example.com",
        "Ada <ada@example.org>",
        "a@b,c@d",
        "a b@c",
    ],
)
@SQLITE
def test_what_is_no_email_address_is_refused(notices: Notices, address: str) -> None:
    """One address and nothing around it."""
    with pytest.raises(InvalidRequest, match="no e-mail address"):
        notices.add(Channel.EMAIL, address)


@pytest.mark.parametrize(
    "settings",
    [
        NoticesSettings(fractions=(0,)),
        NoticesSettings(fractions=(101,)),
        NoticesSettings(smtp=SmtpSettings(security="ssl")),
        NoticesSettings(smtp=SmtpSettings(host="mail")),
    ],
)
@SQLITE
def test_settings_that_make_no_sense_are_refused(
    database: Database, clock: FrozenClock, settings: NoticesSettings
) -> None:
    """When the house is built, not when the first notice fails."""
    with pytest.raises(ValueError, match=r"settings: notices\."):
        Notices(database, clock, settings)


def test_attempts_are_spread_and_wait_as_long_as_they_are_asked() -> None:
    """What failed together does not return together; an endpoint that names a time gets it, up to a day."""
    failure = Failure(reason="HTTP 503")
    spread = {rules.next_attempt(failure, attempts=2, now_ms=0, chance=chance) for chance in range(0, 60_001, 997)}

    assert min(filter(None, spread)) == 300_000
    assert max(filter(None, spread)) <= 360_000
    assert len(spread) > 50
    asked = Failure(reason="HTTP 503", retry_after_s=3600)
    assert rules.next_attempt(asked, attempts=1, now_ms=0, chance=0) == 3_600_000
    forever = Failure(reason="HTTP 503", retry_after_s=10**6)
    assert rules.next_attempt(forever, attempts=1, now_ms=0, chance=0) == 24 * 3_600_000


@SQLITE
def test_a_test_goes_to_its_address_alone(notices: Notices, sink: Sink) -> None:
    """Others hear nothing of it."""
    endpoint: Endpoint = notices.add(Channel.WEBHOOK, f"{sink.url}/mine").endpoint
    notices.add(Channel.WEBHOOK, f"{sink.url}/other")
    notices.test(endpoint.id)
    notices.deliver()

    assert [heard.path for heard in sink.heard] == ["/mine"]
    assert json.loads(sink.heard[0].body)["type"] == "test"


@SQLITE
def test_a_removed_address_hears_nothing_more(notices: Notices, sink: Sink) -> None:
    """What waits for it is dead, with the reason."""
    endpoint = notices.add(Channel.WEBHOOK, sink.url).endpoint
    say(notices)
    notices.remove(endpoint.id)

    assert notices.deliver() == 0
    assert notices.deliveries()[0].reason == "removed"
    with pytest.raises(NotFound, match="no address"):
        notices.remove("ep_none")


@SQLITE
def test_addresses_are_bounded(notices: Notices) -> None:
    """Nobody turns one notice into thousands; who removes an address has room again."""
    made = [notices.add(Channel.EMAIL, f"ada{number}@example.org").endpoint for number in range(50)]
    with pytest.raises(Conflict, match="remove one first"):
        notices.add(Channel.EMAIL, "ada@example.org")
    notices.remove(made[0].id)

    assert notices.add(Channel.EMAIL, "ada@example.org").endpoint.organisation == ""
