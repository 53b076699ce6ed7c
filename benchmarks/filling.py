"""Fills a house with customers and as many receipts as a page may have to bear, quickly and always the same."""

import hashlib
import random
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import msgspec
from sqlalchemy import text

from courtyard.app import House
from courtyard.core.amount import NANO, REQUEST, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.ids import (
    EngineName,
    KeyId,
    ModelName,
    OrganisationId,
    PersonId,
    ProjectId,
    Region,
    RequestId,
)
from courtyard.core.principal import Role
from courtyard.core.usage import DIMENSIONS, Usage
from courtyard.identity import Person
from courtyard.ledger import Account, Charge, Funding, Outcome, Period, Settled, day, window
from courtyard.ledger.rules import in_brief
from courtyard.ledger.tables import BRIEF_LABELS, USAGE_COUNTS, USAGE_LABELS
from courtyard.licensing import Bound, Plan, SeatTerms
from courtyard.storage import metadata

DAYS = 92
DAY_MS = 24 * 3600 * 1000
USD = money("USD")

MODELS = {
    "qwen3-coder-30b": (150_000_000, 600_000_000),
    "glm-4.5-air": (200_000_000, 1_100_000_000),
    "deepseek-v3.1": (270_000_000, 1_000_000_000),
    "llama-3.3-70b": (350_000_000, 400_000_000),
    "e5-small": (20_000_000, 0),
}
"""What a million tokens cost, in and out."""
PLANS = (
    Plan(name="starter", currency="USD", prepaid=True, credit_nano=5 * NANO, credit_days=30),
    Plan(
        name="team",
        currency="USD",
        fee_nano=400 * NANO,
        seats=SeatTerms(price_nano=25 * NANO, included=2, max=5),
        allowance_nano=300 * NANO,
        credit_line_nano=2_000 * NANO,
        limits=(Bound(count=600, unit=REQUEST, period=Period.MINUTE),),
    ),
)
_NAMES = (
    "Northwind Clinics",
    "Harbour Bank",
    "市政服务中心",
    "Kestrel Robotics",
    "Aurora Translations",
    "Meridian Freight",
    "Delta Water Board",
    "云上制造",
    "Lakeside University",
    "Fern & Co",
)
_REGIONS = ("eu-north", "cn-east")
_BATCH = 20_000


class _Customer(NamedTuple):
    """Whose receipts they are, and what is on them."""

    organisation: OrganisationId
    wallet: Account
    keys: list[tuple[ProjectId, KeyId | None, PersonId | None]]
    weight: int


def fill(house: House, *, receipts: int, customers: int = 40) -> Person:
    """Add customers with keys, wallets and limits, and receipts of the last months. Returns an administrator."""
    for model, (prompt, answer) in MODELS.items():
        cost = {"input": prompt * 6 // 10, "output": answer * 7 // 10} if model != "e5-small" else None
        house.pricing.set_price(ModelName(model), {"input": prompt, "output": answer}, currency="USD", cost=cost)
    for plan in PLANS:
        house.licensing.add_plan(plan)
    found = [_customer(house, number) for number in range(customers)]
    _write(house, found, receipts)
    _spend(house)
    people = house.identity.people(organisation=found[0].organisation)
    return next(person for person in people if person.role is Role.ADMIN)


def _customer(house: House, number: int) -> _Customer:
    name = _NAMES[number] if number < len(_NAMES) else f"Customer {number:03}"
    organisation = house.identity.add_organisation(name).id
    first = house.identity.projects(organisation=organisation)[0].id
    second = house.identity.add_project(organisation, "production").id
    admin = house.identity.add_person(organisation, email=f"admin{number}@example.org", role=Role.ADMIN)
    people = [house.identity.add_person(organisation, email=f"person{number}-{n}@example.org") for n in range(3)]
    house.licensing.sign(organisation, PLANS[(number + 1) % 2].name)
    if number % 2 == 0:
        for person in (admin, *people[:2]):
            house.licensing.assign(organisation, person.id)
    wallets = [one for one in house.ledger.accounts() if one.owner == organisation and one.unit == USD]
    wallet = next(one for one in wallets if one.funding in (Funding.POSTPAID, Funding.PREPAID))
    house.ledger.set_limit(second, unit=USD, period=Period.MONTH, count=150 * NANO)
    keys: list[tuple[ProjectId, KeyId | None, PersonId | None]] = [(first, None, admin.id)]
    keys += [(first, None, person.id) for person in people]
    keys += [(second, house.identity.create_key(second, name=f"service {n}").key.id, None) for n in range(3)]
    return _Customer(organisation, wallet, keys, weight=1 + 400 // (number + 1))


def _spend(house: House) -> None:
    """Make accounts look used: one more than the other, some nearly to their end."""
    now_ms = house.clock.now_ms()
    with house.database.transaction() as db:
        for number, account in enumerate(house.ledger.accounts()):
            if account.period is Period.MINUTE:
                continue
            granted = account.count_max or 100 * NANO
            spent, leased = granted * (number * 37 % 100) // 100, granted // 200
            place = {"a": account.id, "w": window(account.period, now_ms).begins_ms}
            db.execute(text("DELETE FROM balances WHERE account = :a AND window_ms = :w"), place)
            counts = {"g": granted, "v": granted - spent - leased, "l": leased, "s": spent}
            db.execute(text("INSERT INTO balances VALUES (:a, :w, :g, :v, :l, :s)"), {**place, **counts})


def _write(house: House, customers: list[_Customer], count: int) -> None:
    """Write receipts and their rollup straight into the tables, and the indexes after them."""
    path = house.database.engine.url.database
    assert path, "the filling is for SQLite"
    house.database.engine.dispose()
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = OFF")  # Nobody else is there, and what fails is filled again.
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -400000")
    indexes = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'receipts' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    rollup: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * (len(DIMENSIONS) + 3))
    rows: list[tuple[object, ...]] = []
    insert = f"INSERT INTO receipts VALUES ({', '.join('?' * len(metadata.tables['receipts'].columns))})"
    for row in _receipts(house, customers, count, rollup):
        rows.append(row)
        if len(rows) == _BATCH:
            db.executemany(insert, rows)
            rows.clear()
    db.executemany(insert, rows)
    for table, labels, sums in (
        ("usage_by_day", USAGE_LABELS, rollup),
        ("usage_in_brief", BRIEF_LABELS, in_brief(rollup)),
    ):
        columns = (*labels, *USAGE_COUNTS)
        db.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            ((*key, *counts) for key, counts in sums.items()),
        )
    for _, sql in indexes:
        db.execute(sql)
    db.commit()
    db.execute("PRAGMA journal_mode = WAL")
    db.close()


def _receipts(
    house: House, customers: list[_Customer], count: int, rollup: dict[tuple[str, ...], list[int]]
) -> Iterator[tuple[object, ...]]:
    chance = random.Random(1)
    node, now_ms = house.ledger.node, house.clock.now_ms()
    begin_ms = now_ms - DAYS * DAY_MS
    books = {version.model: version.book for version in house.pricing.in_force()}
    models = [ModelName(model) for model in MODELS]
    encode = msgspec.json.Encoder().encode
    places = chance.choices(customers, [customer.weight for customer in customers], k=4096)
    previous = "0" * 64
    begins_ms = cache(lambda period, number: window(period, number * DAY_MS).begins_ms)
    for number in range(1, count + 1):
        at_ms = begin_ms + number * DAYS * DAY_MS // (count + 1)
        customer = places[chance.getrandbits(12)]
        wallet = customer.wallet
        project, key, person = customer.keys[chance.getrandbits(16) % len(customer.keys)]
        place = chance.getrandbits(16) % len(models)
        model, region = models[place], Region(_REGIONS[place % 2])
        prompt, answer = 400 + chance.getrandbits(16), 0 if model == "e5-small" else 10 + chance.getrandbits(12)
        cached = prompt // 3 if number % 4 == 0 else 0
        usage = Usage(input=prompt - cached, cached_input=cached, output=answer)
        cost = (prompt * MODELS[model][0] + answer * MODELS[model][1]) // 1_000_000
        settled = Settled(
            id=RequestId(f"req_{number:022x}"),
            organisation=customer.organisation,
            project=project,
            key=key,
            person=person,
            kind=Kind.EMBEDDING if model == "e5-small" else Kind.CHAT,
            model=model,
            engine=EngineName("vllm-1"),
            region=region,
            usage=usage,
            outcome=Outcome.COMPLETE if number % 97 else Outcome.HANGUP,
            price_book=books[model],
            node=node,
            at_ms=at_ms,
            charges=(
                Charge(account=wallet.id, window_ms=begins_ms(wallet.period, at_ms // DAY_MS), count=cost, unit=USD),
            ),
            cost=Amount(cost, USD),
        )
        entry = encode(settled)
        digest = hashlib.sha256(bytes.fromhex(previous) + entry).hexdigest()
        label = (settled.organisation, day(at_ms), project, key or "", person or "", model, "vllm-1", region)
        counts = rollup[(*label, settled.price_book, USD)]
        counts[0] += 1
        counts[1] += 1
        counts[2] += usage.input
        counts[3] += usage.cached_input
        counts[5] += usage.output
        counts[-1] += cost
        yield (
            number,
            settled.id,
            node,
            1,
            number,
            previous,
            digest,
            at_ms,
            settled.organisation,
            project,
            key or "",
            person or "",
            model,
            False,
            entry.decode(),
        )
        previous = digest
