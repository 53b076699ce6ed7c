"""The catalogue's tables: models, engines, which runs on which, and other names."""

from sqlalchemy import JSON, BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Integer, String, Table, text

from courtyard.storage import metadata

_NAME = String(120)

models = Table(
    "models",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("kinds", JSON, nullable=False),
    Column("context_tokens", BigInteger, CheckConstraint("context_tokens > 0", name="context"), nullable=False),
    Column("plugin", String(64)),  # What an embedded engine for it would be; nothing for a model of servers.
    Column("owner", _NAME, nullable=False),
    Column("licence", String(200)),
    Column("notice", String(4000), nullable=False),
    Column("artifact", JSON(none_as_null=True)),
    Column("memory_bytes", BigInteger, nullable=False),
    Column("memory_bytes_per_token", BigInteger, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
)

engines = Table(
    "engines",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("plugin", String(64), nullable=False),
    Column("url", String(2000)),
    Column("region", _NAME),
    Column("key_env", _NAME),
    Column("key_file", String(2000)),
    Column("options", JSON, nullable=False),
    Column("file", String(200)),
    Column("provider", String(60), nullable=False, server_default=text("'home'")),
    Column("chosen", Boolean, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    CheckConstraint("key_env IS NULL OR key_file IS NULL", name="one_key"),
)

placements = Table(
    "placements",
    metadata,
    Column("model", _NAME, ForeignKey("models.name"), primary_key=True),
    Column("engine", _NAME, ForeignKey("engines.name"), primary_key=True),
    Column("upstream", String(400), nullable=False),
    Column("weight", Integer, CheckConstraint("weight > 0", name="weight"), nullable=False),
    Column("rank", Integer, CheckConstraint("rank >= 0", name="rank"), nullable=False),
)

aliases = Table(
    "model_aliases",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("model", _NAME, ForeignKey("models.name"), nullable=False, index=True),
    Column("chosen", Boolean, nullable=False),
)
