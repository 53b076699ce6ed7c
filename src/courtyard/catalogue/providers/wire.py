"""Providers as people write them: one YAML document, with the evidence that stands beside it."""

from datetime import UTC, datetime, timedelta

import msgspec

from courtyard import strict_yaml
from courtyard.catalogue.providers.model import Endpoint, Facts, Kind, Masking, Tier
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import Region

_DAY = timedelta(days=1)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence as it is written: the document is a file beside the one that names it."""

    kind: Kind
    statement: str
    document: str
    dated_ms: int
    expires_ms: int


class _Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Kind
    statement: str
    document: str
    dated: str
    expires: str


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    provider: str
    name: str
    entity: str
    jurisdiction: str
    tier: Tier
    regions: list[str]
    endpoints: list[Endpoint]
    filing: str = ""
    mask: Masking = Masking.NONE
    evidence: list[_Item] = []


def read_provider(text: str) -> tuple[str, Facts, tuple[Shown, ...]]:
    """Read who a provider is, what is said of it, and the evidence that is named.

    Raises:
        InvalidRequest: the document is none, and where it goes wrong.
    """
    try:
        said = msgspec.convert(strict_yaml.read(text).plain(), _Document, strict=False)
    except (InvalidRequest, msgspec.ValidationError) as error:
        raise InvalidRequest(f"this is no provider: {error}") from error
    facts = Facts(
        name=said.name,
        entity=said.entity,
        jurisdiction=said.jurisdiction,
        tier=said.tier,
        regions=frozenset(map(Region, said.regions)),
        endpoints=tuple(said.endpoints),
        filing=said.filing,
        mask=said.mask,
    )
    return said.provider, facts, tuple(map(_shown, said.evidence))


def _shown(item: _Item) -> Shown:
    return Shown(
        kind=item.kind,
        statement=item.statement,
        document=item.document,
        dated_ms=day_ms(item.dated),
        expires_ms=day_ms(item.expires, at_its_end=True),
    )


def day_ms(text: str, *, at_its_end: bool = False) -> int:
    """Read a day, as its beginning or its end in UTC.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidRequest(f"{text!r} is no day; write 2026-01-31") from error
    return round((day + (_DAY if at_its_end else timedelta())).timestamp() * 1000)
