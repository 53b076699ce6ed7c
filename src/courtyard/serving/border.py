"""What a request meets before it goes to somebody else's engine, each time that it is about to."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from courtyard.catalogue import Card, Providers
from courtyard.core.chat import Prompt
from courtyard.core.errors import CourtyardError, DetectorFailed, PolicyDenied
from courtyard.core.ids import HOME, OrganisationId
from courtyard.knowledge import outbound, texts_of, with_texts
from courtyard.routing import Route
from courtyard.serving.walk import Walk


class Restoring(Protocol):
    """Puts back what was masked, in one stream of text."""

    def feed(self, piece: str) -> str:
        """Return what can be told of the text so far; the beginning of a token is held back."""
        ...

    def end(self) -> str:
        """Return what was held back."""
        ...


class Masked(Protocol):
    """Texts without personal data, and the way back."""

    @property
    def texts(self) -> Sequence[str]: ...

    @property
    def counts(self) -> dict[str, int]:
        """Kinds of personal data that were masked, and how often."""
        ...

    def restoring(self, escape: Callable[[str], str] | None = None) -> Restoring: ...


class Masking(Protocol):
    """Masks texts away from the event loop. What it can't look through it refuses."""

    async def mask(self, organisation: OrganisationId, texts: Sequence[str], mode: str) -> Masked: ...


class Exports(Protocol):
    """Counts the persons whose data went to a legal entity elsewhere, by keyed digests."""

    def knows(self, organisation: OrganisationId, entity: str, who: str, *, sensitive: bool) -> bool: ...

    def note(self, organisation: OrganisationId, entity: str, who: str, *, sensitive: bool) -> None:
        """Count a person; waits for the disk."""
        ...


class Crossing(NamedTuple):
    """A prompt as another's engine may see it, and what puts back in the answer what was masked."""

    prompt: Prompt
    masked: Masked | None = None


class Border:
    """Asks again what may have changed since the request was admitted, and takes out what must stay.

    It is asked for each route anew, so a provider that was suspended while a request waited is not its fallback.
    """

    def __init__(
        self,
        providers: Providers | None = None,
        masking: Masking | None = None,
        exports: Exports | None = None,
    ) -> None:
        self._providers = providers
        self._masking = masking
        self._exports = exports

    async def cross(self, walk: Walk, route: Route) -> Crossing:
        """Return the prompt for a route that leads to another provider or is masked.

        Raises:
            PolicyDenied: the provider serves no longer, or may hear of no further person.
            DetectorFailed: its personal data could not be found, so nothing is sent.
        """
        assert walk.prompt is not None, "a prompt is grounded before it leaves"
        prompt, masked = walk.prompt, None
        if route.provider != HOME:
            prompt = outbound(prompt)
            card = self._serving(route)
            walk.tier = card.tier
        if route.mask:
            masked = await self._masked(walk, prompt, route.mask)
            prompt = with_texts(prompt, masked.texts, masked=route.mask)
        if route.provider != HOME:
            await self._count(walk, route, card.entity)
            self._serving(route)  # Nothing waits from here until it is sent.
        walk.masked = 0 if masked is None else sum(masked.counts.values())
        return Crossing(prompt, masked)

    def _serving(self, route: Route) -> Card:
        """Return what is known of a route's provider, as long as it serves there at this moment."""
        if self._providers is None:
            raise PolicyDenied("nobody but the operator serves here; choose another model", rule="providers")
        card = self._providers.card(route.provider)
        if not card.serves or route.region not in card.regions:
            why = card.why or f"it stands in {route.region} no longer"
            raise PolicyDenied(
                f"provider {route.provider!r} can't be asked: {why}; choose another model, or ask the operator",
                rule="providers",
            )
        return card

    async def _count(self, walk: Walk, route: Route, entity: str) -> None:
        """Count the persons whose request it is, each once a year for each legal entity."""
        assert self._providers is not None
        for who in _persons(walk):
            if not self._providers.knows(route.provider, who):
                await asyncio.to_thread(self._providers.count, route.provider, who)
            await self._export(walk, entity, who)

    async def _export(self, walk: Walk, entity: str, who: str) -> None:
        if self._exports is None:
            return
        organisation, sensitive = walk.principal.organisation, walk.seen.sensitive
        if not self._exports.knows(organisation, entity, who, sensitive=sensitive):
            await asyncio.to_thread(self._exports.note, organisation, entity, who, sensitive=sensitive)

    async def _masked(self, walk: Walk, prompt: Prompt, mode: str) -> Masked:
        texts, opaque = texts_of(prompt)
        if opaque:
            raise PolicyDenied(
                "this request holds pictures, recordings or files, in which personal data can't be found, and the "
                "provider sees masked text only; send text, or choose a model that runs at home",
                rule="mask",
            )
        if self._masking is None:
            raise DetectorFailed(
                "nothing here can mask personal data, so nothing is sent; tell the operator", rule="mask"
            )
        try:
            masked = await self._masking.mask(walk.principal.organisation, texts, mode)
        except CourtyardError:
            raise
        except Exception as error:
            raise DetectorFailed(
                "personal data could not be looked for, so nothing was sent; try again, and tell the operator",
                rule="mask",
            ) from error
        if len(masked.texts) != len(texts):
            raise DetectorFailed(
                "a text was lost when it was masked, so nothing was sent; tell the operator", rule="mask"
            )
        return masked


def _persons(walk: Walk) -> tuple[str, ...]:
    """Name the end user, and the caller who is a person: nobody hides behind a name that they give to others."""
    caller = walk.who or walk.principal.project
    if not walk.subject:
        return (caller,)
    return (walk.subject,) if walk.principal.person is None else (walk.subject, caller)
