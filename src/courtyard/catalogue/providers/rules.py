"""What may become of a provider, and whether it serves at a moment. No clock: the moment comes with the question."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from posixpath import normpath
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from courtyard.catalogue.providers.model import (
    EVALUATION,
    Cap,
    Caps,
    Card,
    Endpoint,
    Facts,
    Item,
    Kind,
    Masking,
    Period,
    Provider,
    Scope,
    State,
    Tier,
)
from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.core.ids import HOME, ProviderId

NOTHING = Caps(requests=Cap(count=0), tokens=Cap(count=0), persons=0)
"""What every provider begins with, and begins anew with when its facts change: two people have to give it more."""

SERVING = (State.TRIAL, State.ADMITTED)
_STANDING = (State.COMPLETE, *SERVING)

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_PIN = re.compile(r"[0-9a-f]{64}")
_COUNTRY = re.compile(r"[a-z]{2}")
_PER_MONTH = {Period.MINUTE: 31 * 24 * 60, Period.DAY: 31, Period.MONTH: 1}
_TEXT_LENGTH_MAX = 200
_COUNT_MAX = 2**62


def propose(id: str, facts: Facts, provider: Provider | None, *, now_ms: int) -> Provider:
    """Begin with a provider, or anew with one of which something else is said now.

    Raises:
        InvalidRequest: the facts can't be true of anybody.
        Conflict: it was expelled.
    """
    if not _ID.fullmatch(id) or id == HOME:
        raise InvalidRequest(f"{id[:60]!r} can't name a provider: lower-case letters, digits and -, and not 'home'")
    facts = _clean(facts)
    if provider is not None:
        _not_expelled(provider)
    killed = provider is not None and provider.killed
    return Provider(id=ProviderId(id), facts=facts, caps=NOTHING, killed=killed, proposed_ms=now_ms)


def show(provider: Provider, item: Item, *, now_ms: int) -> Provider:
    """Take a piece of evidence in the place of the one of its kind.

    Raises:
        InvalidRequest: it has expired, or is dated in the future.
        Conflict: the provider was expelled.
    """
    _not_expelled(provider)
    if not item.dated_ms <= now_ms < item.expires_ms:
        raise InvalidRequest(f"evidence is dated today or earlier and expires later; this is {item.kind}'s")
    others = [other for other in provider.evidence if other.kind is not item.kind]
    return replace(provider, evidence=tuple(sorted([*others, item], key=lambda one: one.kind)))


def advance(provider: Provider, *, now_ms: int) -> Provider:
    """Take a provider's evidence for complete: what was proposed, or was suspended, may be tried now.

    Raises:
        Conflict: evidence is missing or has expired, or the provider is further on.
    """
    provider = seen(provider, now_ms=now_ms)
    if provider.state not in (State.PROPOSED, State.SUSPENDED):
        raise Conflict(f"{provider.id} is {provider.state}; what was proposed or suspended is advanced")
    _complete(provider, now_ms)
    return replace(provider, state=State.COMPLETE, scope=None, until_ms=None)


def begin_trial(provider: Provider, scope: Scope, *, until_ms: int, now_ms: int) -> Provider:
    """Let a provider be evaluated, and nothing else, until a moment; or raise as `admit` does."""
    _may_enter(provider, State.COMPLETE, until_ms=until_ms, now_ms=now_ms)
    scope = replace(scope, purposes=frozenset({EVALUATION}))
    return replace(provider, state=State.TRIAL, scope=scope, until_ms=until_ms)


def admit(provider: Provider, scope: Scope, *, until_ms: int, now_ms: int) -> Provider:
    """Admit a provider that was tried, for what its scope says and until a moment.

    Raises:
        InvalidRequest: no purpose is named, or the moment is over.
        Conflict: it is not on trial, or its evidence is missing or has expired.
    """
    if not scope.purposes:
        raise InvalidRequest("name at least one purpose that the provider is admitted for")
    _may_enter(provider, State.TRIAL, until_ms=until_ms, now_ms=now_ms)
    return replace(provider, state=State.ADMITTED, scope=scope, until_ms=until_ms)


def suspend(provider: Provider) -> Provider:
    """Ask nothing of a provider until its evidence has been looked at again.

    Raises:
        Conflict: there is nothing to suspend.
    """
    if provider.state not in _STANDING:
        raise Conflict(f"{provider.id} is {provider.state}; there is nothing to suspend")
    return replace(provider, state=State.SUSPENDED)


def expel(provider: Provider) -> Provider:
    """Never ask a provider again.

    Raises:
        Conflict: it was expelled already.
    """
    _not_expelled(provider)
    return replace(provider, state=State.EXPELLED, scope=None, until_ms=None)


def seen(provider: Provider, *, now_ms: int) -> Provider:
    """Say where a provider stands now: evidence that has expired, or the end of its time, suspends it."""
    if provider.state in _STANDING and lapse(provider, now_ms=now_ms):
        return replace(provider, state=State.SUSPENDED)
    return provider


def lapse(provider: Provider, *, now_ms: int) -> str:
    """Say what of a provider has run out by now, or nothing."""
    late = (item.kind for item in provider.evidence if item.expires_ms <= now_ms)
    if expired := sorted(kind for kind in late if kind.is_needed):
        return f"its evidence has expired: {', '.join(expired)}"
    if provider.until_ms is not None and provider.until_ms <= now_ms:
        return "its time is over"
    return ""


def missing(provider: Provider, *, now_ms: int) -> tuple[Kind, ...]:
    """Say which kinds of evidence a provider has still to show."""
    good = {item.kind for item in provider.evidence if item.expires_ms > now_ms}
    return tuple(kind for kind in Kind if kind.is_needed and kind not in good)


def card(provider: Provider, *, foreign_on: bool, now_ms: int) -> Card:
    """Say what the request path may know of a provider now. Whatever is in doubt, it does not serve."""
    now = seen(provider, now_ms=now_ms)
    facts, scope = now.facts, now.scope
    why = _why_not(now, foreign_on=foreign_on, now_ms=now_ms)
    moments = [item.expires_ms for item in now.evidence] + ([] if now.until_ms is None else [now.until_ms])
    return Card(
        provider=now.id,
        name=facts.name,
        entity=facts.entity,
        jurisdiction=facts.jurisdiction,
        tier=facts.tier,
        state=now.state,
        serves=not why,
        why=why,
        regions=facts.regions,
        purposes=scope.purposes if scope else frozenset(),
        organisations=scope.organisations if scope else None,
        models=scope.models if scope else None,
        mask=masking(facts),
        agreements=frozenset(item.kind.value for item in now.evidence if item.expires_ms > now_ms),
        filing=facts.filing,
        caps=now.caps,
        good_until_ms=min((moment for moment in moments if moment > now_ms), default=None),
    )


def masking(facts: Facts) -> Masking:
    """Say how a provider's prompts are masked at the least."""
    return facts.mask or (Masking.REVERSIBLE if facts.tier is Tier.FOREIGN else Masking.NONE)


def is_masked_enough(stated: str, least: Masking) -> bool:
    """Say whether a prompt that was masked so may be sent to who wants it masked at least so."""
    enough = {
        Masking.NONE: tuple(Masking),
        Masking.REVERSIBLE: (Masking.REVERSIBLE, Masking.IRREVERSIBLE),
        Masking.IRREVERSIBLE: (Masking.IRREVERSIBLE,),
    }
    return stated in enough[least]


def raises(old: Caps, new: Caps) -> bool:
    """Say whether anything of the new caps is more than it was."""
    persons = new.persons is None and old.persons is not None
    if old.persons is not None and new.persons is not None:
        persons = new.persons > old.persons
    return persons or _more(old.requests, new.requests) or _more(old.tokens, new.tokens)


def check_caps(caps: Caps) -> None:
    """Refuse caps that are no numbers of anything."""
    counts = [cap.count for cap in (caps.requests, caps.tokens) if cap is not None]
    if any(not 0 <= count <= _COUNT_MAX for count in [*counts, caps.persons or 0]):
        raise InvalidRequest("a cap is a whole number, and not below zero")


def entity_of(provider: Provider) -> str:
    """The legal entity by which persons are counted, however its number was written."""
    return " ".join(provider.facts.entity.split()).casefold()


def year_of(now_ms: int) -> int:
    """The calendar year in which a person is counted, in UTC."""
    return datetime.fromtimestamp(now_ms // 1000, tz=UTC).year


def day_of(now_ms: int) -> str:
    """The day in which a crossing is counted, in UTC."""
    return datetime.fromtimestamp(now_ms // 1000, tz=UTC).date().isoformat()


def endpoint_of(url: str, endpoints: Collection[Endpoint]) -> Endpoint | None:
    """Find the endpoint that an engine's address lies at, however either of them is written."""
    at = _written(url)
    return next((endpoint for endpoint in endpoints if at.startswith(_written(endpoint.url))), None)


def _written(url: str) -> str:
    """Write an address in one way: its host in small letters, its port, and no steps back in its path."""
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
    path = normpath("/" + unquote(parts.path).lstrip("/"))
    return f"{parts.scheme}://{host}:{port}{path.rstrip('/')}/"


def _why_not(provider: Provider, *, foreign_on: bool, now_ms: int) -> str:
    caps = provider.caps
    if provider.state not in SERVING:
        return lapse(provider, now_ms=now_ms) or f"it is {provider.state}"
    if rest := missing(provider, now_ms=now_ms):
        return f"evidence is missing: {', '.join(rest)}"
    if provider.killed:
        return "its kill switch is thrown"
    if provider.facts.tier is Tier.FOREIGN:
        if not foreign_on:
            return "the kill switch of all that is foreign is thrown"
        if caps.requests is None or caps.tokens is None or caps.persons is None:
            return "it has no cap on requests, tokens or persons"
    return "its caps let nothing through" if _nothing(caps) else ""


def _nothing(caps: Caps) -> bool:
    counts = [cap.count for cap in (caps.requests, caps.tokens) if cap is not None]
    return 0 in counts or caps.persons == 0


def _may_enter(provider: Provider, state: State, *, until_ms: int, now_ms: int) -> None:
    if until_ms <= now_ms:
        raise InvalidRequest("the moment until which it holds lies in the future")
    if (stands := seen(provider, now_ms=now_ms).state) is not state:
        raise Conflict(f"{provider.id} is {stands}, and has to be {state} first")
    _complete(provider, now_ms)


def _complete(provider: Provider, now_ms: int) -> None:
    if rest := missing(provider, now_ms=now_ms):
        raise Conflict(
            f"{provider.id} has still to show: {', '.join(rest)}; add it with `courtyard providers evidence`"
        )


def _not_expelled(provider: Provider) -> None:
    if provider.state is State.EXPELLED:
        raise Conflict(f"{provider.id} was expelled; one that may come back is proposed under another name")


def _clean(facts: Facts) -> Facts:
    texts = facts.name, facts.entity, facts.filing
    if not facts.name.strip() or not facts.entity.strip() or any(len(text) > _TEXT_LENGTH_MAX for text in texts):
        raise InvalidRequest(f"a provider has a name and a legal entity, of {_TEXT_LENGTH_MAX} characters at most")
    if not _COUNTRY.fullmatch(jurisdiction := facts.jurisdiction.lower()):
        raise InvalidRequest("a jurisdiction has two letters, as in ISO 3166-1: de, cn, ke")
    if not facts.regions or not facts.endpoints:
        raise InvalidRequest("say in which regions the provider hosts, and at which endpoints it is reached")
    return replace(facts, jurisdiction=jurisdiction, endpoints=tuple(map(_clean_endpoint, facts.endpoints)))


def _clean_endpoint(endpoint: Endpoint) -> Endpoint:
    pins = tuple(pin.lower().removeprefix("sha256:") for pin in endpoint.pins)
    if not endpoint.url.startswith("https://") or not _is_plain(endpoint.url):
        raise InvalidRequest(
            f"{endpoint.url[:80]!r}: a provider is reached by https:// alone, at a host and a path; no user, no query"
        )
    if not pins or not all(_PIN.fullmatch(pin) for pin in pins):
        raise InvalidRequest(
            "an endpoint has at least one pin: the SHA-256 of its certificate's public key, 64 hexadecimal digits; "
            "`courtyard providers pin FILE` reads it from a certificate"
        )
    return replace(endpoint, url=endpoint.url.rstrip("/"), pins=pins)


def _is_plain(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and "@" not in parts.netloc and not parts.query and not parts.fragment


def _more(old: Cap | None, new: Cap | None) -> bool:
    """Whether a cap may let more through in any length of time than the one before."""
    if old is None or new is None:
        return old is not None
    # A shorter period lets the same count through more often, a longer one lets it through at once.
    return new.count > old.count or new.count * _PER_MONTH[new.period] > old.count * _PER_MONTH[old.period]
