"""The tables of evaluation. Answers stand here as they were given, for people to judge; erasing a run erases them."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from courtyard.evaluation.model import Outcome
from courtyard.storage import metadata

_OUTCOMES = ", ".join(f"'{outcome}'" for outcome in Outcome)

banks = Table(
    "evaluation_banks",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("bank", Text, nullable=False),
    Column("cases", Text, nullable=False),
    Column("imported_at_ms", BigInteger, nullable=False),
    CheckConstraint("length(digest) = 64", name="digest_is_one"),
    Index("ix_evaluation_banks_name", "name", "version", unique=True),
)
"""`bank` and `cases` are JSON; the digest is over the cases."""

runs = Table(
    "evaluation_runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("bank", ForeignKey("evaluation_banks.digest"), nullable=False),
    Column("model", String(200), nullable=False),
    Column("plan", Text, nullable=False),
    Column("gates", Text, nullable=False),
    Column("pack", String(200), nullable=False),
    Column("begun_at_ms", BigInteger, nullable=False),
    Index("ix_evaluation_runs_begun", "begun_at_ms", "id"),
)

items = Table(
    "evaluation_items",
    metadata,
    Column("run", ForeignKey("evaluation_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("case", Text, nullable=False),
    Column("answer", Text),
    Column("request", String(64), nullable=False),
    Column("error", String(64), nullable=False),
    CheckConstraint("number > 0", name="counted"),
)

judgements = Table(
    "evaluation_judgements",
    metadata,
    Column("run", ForeignKey("evaluation_runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("judge", String(200), primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("is_human", Boolean, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    CheckConstraint(f"outcome IN ({_OUTCOMES})", name="outcome_is_one"),
)
