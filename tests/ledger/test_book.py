"""The book conserves what it was given, whatever operators and nodes do, and says no in words."""

import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from courtyard.core.amount import REQUEST, TOKEN, Amount, money
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import BookUnavailable, Conflict, InvalidRequest, NotFound
from courtyard.core.ids import AccountId, NodeId
from courtyard.ledger import Account, Balance, Period, Purpose, rules, store
from courtyard.ledger.book import Ask, Book, Given, Owed, Taken
from courtyard.ledger.chart import COUNT_MAX
from courtyard.storage import Database, Revisions
from tests.ledger.node import Away

USD = money("USD")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture
def book(database: Database, clock: FrozenClock) -> Book:
    return make(database, clock)


def make(database: Database, clock: FrozenClock, node: str = "node_1") -> Book:
    return Book(database, node=NodeId(node), signing_key=KEY, clock=clock)


def wallet(book: Book, nano: int = 0, owner: str = "org") -> Account:
    account = book.open_account(owner, purpose=Purpose.WALLET, unit=USD, period=Period.FOREVER, count_max=None, name="")
    if nano:
        book.grant(account.id, Amount(nano, USD), "first")
    return account


def limit(book: Book, count: int | None, *, period: Period = Period.DAY) -> Account | None:
    return book.set_limit("org", unit=USD, period=period, count=count, name="")


def take(book: Book, ids: Iterable[AccountId], *, thin: Iterable[AccountId] = ()) -> list[Taken]:
    asks = [*(Ask(id) for id in ids), *(Ask(id, renews=False) for id in thin)]
    return [answer for answer in book.take(asks) if isinstance(answer, Taken)]


def balance(book: Book, account: Account) -> Balance:
    (balance,) = book.balances([account.id])
    return balance


def numbers(balance: Balance) -> tuple[int, int, int, int]:
    return balance.granted, balance.available, balance.leased, balance.spent


def test_an_owner_has_one_account_of_a_kind(book: Book) -> None:
    """Opening an account twice returns the first; another period is another account."""
    first = wallet(book)
    allowance = book.open_account(
        "org", purpose=Purpose.WALLET, unit=USD, period=Period.MONTH, count_max=5, name="allowance"
    )

    assert wallet(book) == first
    assert [account.id for account in book.accounts()] == [first.id, allowance.id]


def test_one_of_many_who_open_at_once_opens_it(database: Database, clock: FrozenClock) -> None:
    """Processes that set up the same account in one moment end up with one, and none of them fails."""
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda number: wallet(make(database, clock, f"node_{number}")), range(16)))

    assert len({account.id for account in opened}) == 1


@pytest.mark.parametrize(
    ("purpose", "period", "count_max", "says"),
    [
        (Purpose.WALLET, Period.MONTH, None, "needs a count"),
        (Purpose.LIMIT, Period.FOREVER, None, "needs a count"),
        (Purpose.WALLET, Period.MINUTE, 5, "can't be filled anew each minute"),
        (Purpose.LIMIT, Period.DAY, -1, "between 0 and"),
        (Purpose.LIMIT, Period.DAY, COUNT_MAX + 1, "between 0 and"),
    ],
)
def test_accounts_that_make_no_sense_are_refused(
    book: Book, purpose: Purpose, period: Period, count_max: int | None, says: str
) -> None:
    """What could not be kept is not opened."""
    with pytest.raises(InvalidRequest, match=says):
        book.open_account("org", purpose=purpose, unit=USD, period=period, count_max=count_max, name="")


def test_texts_fit_the_book(book: Book) -> None:
    """A name that is too long is refused here, not by one database and not by the other."""
    with pytest.raises(InvalidRequest, match="owner has at most 64"):
        wallet(book, owner="o" * 65)
    with pytest.raises(InvalidRequest, match="reference has at most 100"):
        book.grant(wallet(book).id, Amount(1, USD), "r" * 101)


def test_a_top_up_counts_once(book: Book) -> None:
    """The same reference again changes nothing; with another amount it is a mistake."""
    account = wallet(book, 100)
    again = book.grant(account.id, Amount(100, USD), "first")
    with pytest.raises(Conflict):
        book.grant(account.id, Amount(101, USD), "first")
    book.grant(account.id, Amount(50, USD), "second")

    assert again.granted == 100
    assert numbers(balance(book, account)) == (150, 150, 0, 0)


def test_a_top_up_needs_a_prepaid_wallet_and_its_unit(book: Book) -> None:
    """Money goes only where it can be spent."""
    account = wallet(book)
    bound = limit(book, 5)
    assert bound is not None
    with pytest.raises(NotFound, match="courtyard accounts list"):
        book.grant("acct_none", Amount(1, USD), "r")
    with pytest.raises(InvalidRequest, match="no prepaid wallet"):
        book.grant(bound.id, Amount(1, USD), "r")
    for amount in (Amount(1, money("EUR")), Amount(0, USD), Amount(-1, USD)):
        with pytest.raises(InvalidRequest, match="above zero"):
            book.grant(account.id, amount, "r")


def test_a_lease_takes_and_a_return_brings_back(book: Book) -> None:
    """What is leased is not available, and what is returned is."""
    account = wallet(book, 100)
    (taken,) = take(book, [account.id])
    leased = numbers(balance(book, account))
    book.give_back([Given(account.id, 0, 30)])
    partly = numbers(balance(book, account))
    (again,) = take(book, [account.id])
    (ended,) = book.close()

    assert (taken.leased, leased) == (100, (100, 0, 100, 0))
    assert partly == (100, 30, 70, 0)
    assert again.leased == 100
    assert ended == Owed(account.id, 0, 0)
    assert numbers(balance(book, account)) == (100, 100, 0, 0)


def test_a_lease_is_signed_for_what_it_says(book: Book, database: Database) -> None:
    """Each change of a lease is signed anew by the operator's key."""
    account = wallet(book, 100)
    take(book, [account.id])
    book.grant(account.id, Amount(5, USD), "more")
    take(book, [account.id])
    with database.reading() as db:
        ((lease, _),) = store.read_leases(db)

    assert lease.count == 105
    KEY.public_key().verify(bytes.fromhex(lease.signature), rules.lease_bytes(lease))


def test_two_nodes_never_lease_the_same(database: Database, clock: FrozenClock) -> None:
    """Of nodes that ask at once, one gets what there is."""
    books = [make(database, clock, f"node_{number}") for number in range(6)]
    account = wallet(books[0], 100)
    with ThreadPoolExecutor(6) as threads:
        taken = list(threads.map(lambda book: take(book, [account.id])[0].leased, books))

    assert sorted(taken) == [0, 0, 0, 0, 0, 100]
    assert numbers(balance(books[0], account)) == (100, 0, 100, 0)


def test_looking_at_an_account_with_nothing_to_gain_writes_nothing(away: Away, clock: FrozenClock) -> None:
    """An empty account that is asked for again and again costs a reading, and a top-up is seen at once."""
    book = make(away, clock)
    account = wallet(book, 100)
    take(book, [account.id])
    before = away.transactions
    nothing = take(book, [], thin=[account.id])
    read_only = away.transactions == before
    book.grant(account.id, Amount(1, USD), "more")
    (more,) = take(book, [], thin=[account.id])

    assert nothing == []
    assert read_only
    assert more.leased == 101


def test_each_window_is_granted_once(book: Book, clock: FrozenClock) -> None:
    """A day's limit is granted when the day is first used, and the next day has its own."""
    account = limit(book, 100)
    assert account is not None
    for _ in range(2):
        take(book, [account.id])
    clock.advance(86_400)
    take(book, [account.id])

    assert [numbers(one) for one in book.balances([account.id])] == [(100, 0, 100, 0)] * 2


def test_a_raised_limit_grants_more_and_a_lowered_one_takes_back(book: Book) -> None:
    """What is available follows at once, what is leased when it is given back."""
    account = limit(book, 100)
    assert account is not None
    take(book, [account.id])
    limit(book, 150)
    (raised,) = take(book, [account.id])
    limit(book, 40)
    lowered = numbers(balance(book, account))
    book.give_back([Given(account.id, balance(book, account).window_ms, 110)])

    assert raised.leased == 150
    assert lowered == (150, 0, 150, 0)
    assert numbers(balance(book, account)) == (40, 0, 40, 0)


def test_a_limit_that_is_lifted_ends_its_account(book: Book) -> None:
    """No count is no limit; a limit set later is another account."""
    first = limit(book, 100)
    assert limit(book, None) is None
    assert limit(book, None) is None
    second = limit(book, 100)

    assert first is not None
    assert second is not None
    assert first.id != second.id
    assert [account.id for account in book.accounts()] == [second.id]
    assert take(book, [first.id]) == []


def test_every_change_of_accounts_is_heard_of(book: Book, database: Database) -> None:
    """Other processes follow by the room's revision."""
    revisions = Revisions(database)
    seen = [revisions.read().get("ledger", 0)]
    account = wallet(book)
    for change in (
        lambda: book.grant(account.id, Amount(1, USD), "r"),
        lambda: limit(book, 5),
        lambda: limit(book, 6),
        lambda: limit(book, None),
    ):
        seen.append(revisions.read()["ledger"])
        change()
    seen.append(revisions.read()["ledger"])

    assert seen == sorted(set(seen))


def test_a_book_that_is_away_is_said_to_be(away: Away, clock: FrozenClock) -> None:
    """No driver's error comes out of the book."""
    book = make(away, clock)
    account = wallet(book)
    away.away = True
    for call in (book.accounts, book.close, lambda: take(book, [account.id]), lambda: book.balances([account.id])):
        with pytest.raises(BookUnavailable):
            call()


@pytest.mark.parametrize("seed", range(6))
def test_the_book_conserves(database: Database, clock: FrozenClock, seed: int) -> None:
    """granted == available + leased + spent for every window, after every step of operators and nodes."""
    random_ = random.Random(seed)
    books = [make(database, clock, f"node_{number}") for number in range(2)]
    prepaid = wallet(books[0])
    limit(books[0], 100)
    for step in range(40):
        book = random_.choice(books)
        ids: list[AccountId] = [account.id for account in book.accounts()]
        match random_.randrange(6):
            case 0:
                book.grant(prepaid.id, Amount(random_.randrange(1, 100), USD), f"{step}")
            case 1:
                limit(book, random_.randrange(200))
            case 2:
                take(book, random_.sample(ids, random_.randrange(1, len(ids) + 1)))
            case 3:
                with database.reading() as db:
                    leases = [lease for lease, _ in store.read_leases(db, node=book.node)]
                book.give_back([Given(one.account, one.window_ms, random_.randrange(one.count + 1)) for one in leases])
            case 4:
                book.close()
            case 5:
                clock.advance(random_.choice([1, 50_000]))
        for one in book.balances(ids):
            assert one.granted == one.available + one.leased + one.spent, f"step {step} of seed {seed}"


def test_units_do_not_mix(book: Book) -> None:
    """Limits in requests and in tokens are accounts of their own."""
    requests = book.set_limit("org", unit=REQUEST, period=Period.MINUTE, count=60, name="")
    tokens = book.set_limit("org", unit=TOKEN, period=Period.MINUTE, count=1000, name="")

    assert requests is not None
    assert tokens is not None
    assert requests.id != tokens.id
