"""Policy in SQL: rows in and nouns out."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from courtyard.policy.facts import Facts
from courtyard.policy.shelved import Activation, Key, Shelved
from courtyard.policy.tables import (
    policy_activations,
    policy_differences,
    policy_facts,
    policy_keys,
    policy_packs,
    policy_trials,
)
from courtyard.policy.trials import Difference, Tally, Trial

_decode_facts = msgspec.json.Decoder(Facts).decode
_decode_difference = msgspec.json.Decoder(Difference).decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_DIFFERENCES_MAX = 5000
_SHELVED = (
    policy_packs.c.digest,
    policy_packs.c.name,
    policy_packs.c.version,
    policy_packs.c.signed_by,
    policy_packs.c.brought_by,
    policy_packs.c.brought_at_ms,
)


def write_key(db: Connection, key: Key) -> None:
    """Trust a key."""
    db.execute(insert(policy_keys).values(msgspec.structs.asdict(key)))


def remove_key(db: Connection, name: str) -> bool:
    """Trust a key no longer; says whether it was trusted."""
    return db.execute(delete(policy_keys).where(policy_keys.c.name == name)).rowcount == 1


def read_keys(db: Connection) -> list[Key]:
    """Read the keys that are trusted, by name."""
    return [Key(**row._mapping) for row in db.execute(select(policy_keys).order_by(policy_keys.c.name))]


def write_pack(db: Connection, shelved: Shelved, archive: bytes) -> None:
    """Write a pack that is new here."""
    fields = msgspec.structs.asdict(shelved) | {"signed_by": "\n".join(shelved.signed_by), "archive": archive}
    db.execute(insert(policy_packs).values(fields))


def read_packs(db: Connection) -> list[Shelved]:
    """Read every pack, by name and by when it was brought in."""
    query = select(*_SHELVED).order_by(policy_packs.c.name, policy_packs.c.brought_at_ms, policy_packs.c.version)
    return [_shelved(row) for row in db.execute(query)]


def read_archive(db: Connection, digest: str) -> bytes:
    """Read the files of a pack that is here."""
    return bytes(db.execute(select(policy_packs.c.archive).where(policy_packs.c.digest == digest)).scalar_one())


def write_activation(db: Connection, activation: Activation) -> None:
    """Put a pack in force, or none."""
    fields = msgspec.structs.asdict(activation)
    db.execute(insert(policy_activations).values({name: fields[name] for name in fields if name != "number"}))


def read_activation(db: Connection, number: int | None = None) -> Activation | None:
    """Read what is in force, or the activation of this number."""
    query = _newest(select(policy_activations)).limit(1)
    if number is not None:
        query = query.where(policy_activations.c.number == number)
    row = db.execute(query).first()
    return None if row is None else Activation(**row._mapping)


def read_activations(db: Connection, *, limit: int) -> list[Activation]:
    """Read what was in force, newest first."""
    rows = db.execute(_newest(select(policy_activations)).limit(limit))
    return [Activation(**row._mapping) for row in rows]


def read_trial(db: Connection) -> Trial | None:
    """Read the candidate that runs now."""
    row = db.execute(_trials().where(policy_trials.c.ended_at_ms.is_(None))).first()
    return None if row is None else _trial(row)


def read_last_trial(db: Connection) -> Trial | None:
    """Read the candidate that runs now, or else the last one that ran."""
    row = db.execute(_trials().order_by(policy_trials.c.number.desc()).limit(1)).first()
    return None if row is None else _trial(row)


def write_trial(db: Connection, digest: str, *, by: str, at_ms: int) -> None:
    """Let a candidate run."""
    db.execute(insert(policy_trials).values(digest=digest, began_by=by, began_at_ms=at_ms))


def write_trial_end(db: Connection, at_ms: int) -> bool:
    """End the candidate that runs; says whether there was one."""
    running = update(policy_trials).where(policy_trials.c.ended_at_ms.is_(None))
    return db.execute(running.values(ended_at_ms=at_ms)).rowcount == 1


def write_tally(db: Connection, trial: int, tally: Tally) -> None:
    """Add what a process counted in a trial."""
    counted = update(policy_trials).where(policy_trials.c.number == trial)
    db.execute(counted.values(judged=policy_trials.c.judged + tally.judged))
    for digest, difference in tally.differences.items():
        row = {
            "trial": trial,
            "facts": digest,
            "document": _encode(difference).decode(),
            "now_allowed": difference.now.allowed,
            "then_allowed": None if difference.then is None else difference.then.allowed,
            "count": difference.count,
            "last_ms": difference.last_ms,
        }
        added = _insert(db)(policy_differences).values(row)
        more = {"count": policy_differences.c.count + difference.count, "last_ms": difference.last_ms}
        db.execute(added.on_conflict_do_update(index_elements=["trial", "facts"], set_=more))


def read_differences(db: Connection, trial: int, *, limit: int) -> list[Difference]:
    """Read what a trial found, the most frequent first."""
    table = policy_differences
    query = select(table).where(table.c.trial == trial).order_by(table.c.count.desc(), table.c.facts)
    return [
        msgspec.structs.replace(_decode_difference(row.document), count=row.count, last_ms=row.last_ms)
        for row in db.execute(query.limit(min(limit, _DIFFERENCES_MAX)))
    ]


def write_facts(db: Connection, facts: Mapping[str, Facts], *, at_ms: int) -> None:
    """Keep what was judged, by its digest; what is kept already stays as it is."""
    rows = [{"digest": digest, "document": _encode(one).decode(), "first_ms": at_ms} for digest, one in facts.items()]
    if rows:
        db.execute(_insert(db)(policy_facts).on_conflict_do_nothing(), rows)


def remove_facts(db: Connection, *, before_ms: int) -> None:
    """Forget what was first judged before a time."""
    db.execute(delete(policy_facts).where(policy_facts.c.first_ms < before_ms))


def read_facts(db: Connection, digests: Iterable[str]) -> dict[str, Facts]:
    """Read what was judged, by digest; what is not kept is left out."""
    query = select(policy_facts.c.digest, policy_facts.c.document).where(policy_facts.c.digest.in_(list(digests)))
    return {row.digest: _decode_facts(row.document) for row in db.execute(query)}


def _insert(db: Connection) -> Any:
    return postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert


def _newest(query: Select[Any]) -> Select[Any]:
    return query.order_by(policy_activations.c.number.desc())


def _trials() -> Select[Any]:
    packs = policy_packs
    return select(policy_trials, packs.c.name, packs.c.version).join(packs, packs.c.digest == policy_trials.c.digest)


def _trial(row: Row[Any]) -> Trial:
    fields = {name: value for name, value in row._mapping.items() if name not in ("name", "version")}
    return Trial(**fields, pack=f"{row.name}@{row.version}")


def _shelved(row: Any) -> Shelved:
    fields = dict(row._mapping)
    return Shelved(**fields | {"signed_by": tuple(filter(None, row.signed_by.split("\n")))})
