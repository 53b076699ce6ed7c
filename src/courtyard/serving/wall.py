"""What stands around the walk: who else may serve, what is looked for in a request, and how answers are labelled."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

import structlog

from courtyard.catalogue import Providers
from courtyard.core.chat import Request
from courtyard.core.errors import BookUnavailable, CourtyardError, DetectorFailed, PolicyDenied
from courtyard.core.ids import OrganisationId
from courtyard.labels import Labels, Profile, Stated
from courtyard.policy import NOTHING, Seen
from courtyard.privacy import Identifiers, is_sensitive, read_texts
from courtyard.serving.border import Border, Exports, Masking
from courtyard.serving.walk import Walk

_log = structlog.get_logger("courtyard.serving")

_DIGEST_S_MAX = 2.0
"""How long somebody new waits for the database; who has been here waits for nothing."""


class Digests(Protocol):
    """Keyed digests in the place of what names a person: whoever has no key learns nothing from them."""

    def known(self, organisation: OrganisationId, kind: str, value: str) -> str | None:
        """Say the digest of somebody whom this process has met."""
        ...

    async def of(self, organisation: OrganisationId, kind: str, value: str) -> str: ...

    def is_restricted(self, digest: str) -> bool:
        """Whether their data is kept and not used."""
        ...


class Wall:
    """The rooms that a request meets because of what is in it and where it may go; each may be missing in a test."""

    def __init__(
        self,
        *,
        providers: Providers | None = None,
        identifiers: Identifiers | None = None,
        masking: Masking | None = None,
        digests: Digests | None = None,
        exports: Exports | None = None,
        labels: Labels | None = None,
    ) -> None:
        self.providers = providers
        self.border = Border(providers, masking, exports)
        self._identifiers = identifiers
        self._digests = digests
        self._labels = labels

    def label(self, walk: Walk) -> Stated | None:
        """Say how the answer of a walk is labelled, once it is known whose engine answers."""
        if self._labels is None:
            return None
        # An answer that is quoted from documents has no route: it bears whatever any of the terms asks.
        terms, organisation, request = walk.terms or walk.admission, walk.principal.organisation, walk.request
        profile = next((one.value for one in terms.obligations if one.name == "label"), "") if terms else ""
        # What a pack obliges to is done, whatever was agreed.
        unlabelled = not profile and self._labels.agreed(organisation) is not None
        stated = self._labels.stated(
            profile, model=request.model, request=request.id, organisation=organisation, unlabelled=unlabelled
        )
        walk.label = stated.record
        if unlabelled:
            self._labels.note_unlabelled(organisation, request=request.id, model=request.model)
        return stated

    def registers(self, walk: Walk) -> bool:
        """Say whether the text of its answer is noted.

        It costs, so it is done where somebody asks for labels: a pack, or the operator's own profile.
        """
        return self._labels is not None and walk.label not in ("", Profile.NEUTRAL)

    def register(self, walk: Walk, texts: Iterable[str]) -> None:
        """Note what was answered, so that it can be known again where its label was taken off."""
        if self._labels is None or walk.receipt is None:
            return
        for text in texts:
            self._labels.register(
                text,
                request=walk.request.id,
                organisation=walk.principal.organisation,
                model=walk.request.model,
                receipt=walk.receipt.digest,
            )

    def look(self, request: Request) -> Seen:
        """Find the identifiers and secrets in a request, in linear time.

        Raises:
            DetectorFailed: it could not be looked through.
        """
        if self._identifiers is None:
            return NOTHING
        try:
            texts = [text for part in (request.content, *request.options.values()) for text in read_texts(part).texts]
            counts = self._identifiers.counts("\n".join(texts))
        except CourtyardError:
            raise
        except Exception as error:
            _log.error("detector_failed", request_id=request.id, reason=type(error).__name__)
            raise DetectorFailed(
                "personal data could not be looked for in this request, so it can't run; tell the operator",
                rule="identifiers",
            ) from error
        return Seen(counts=counts, sensitive=any(map(is_sensitive, counts))) if counts else NOTHING

    async def know(self, walk: Walk) -> None:
        """Find the digests that stand in the record for the caller and the end user.

        Raises:
            PolicyDenied: the use of their data is restricted.
        """
        principal, subject = walk.principal, walk.request.subject
        if principal.person is not None:
            walk.who = await self._digest(principal.organisation, "person", principal.person)
        elif principal.key is not None:
            walk.who = await self._digest(principal.organisation, "key", principal.key)
        if subject and self._digests is not None:
            walk.subject = await self._digest(principal.organisation, "subject", subject)
        if self._digests is not None and any(map(self._digests.is_restricted, (walk.who, walk.subject))):
            raise PolicyDenied(
                "the use of this person's data is restricted for now; whoever runs this house can say until when",
                rule="restriction",
                articles=("GDPR article 18", "PIPL article 47"),
            )

    async def _digest(self, organisation: OrganisationId, kind: str, value: str) -> str:
        if self._digests is None:
            return value
        known = self._digests.known(organisation, kind, value)
        if known is not None:
            return known
        try:
            async with asyncio.timeout(_DIGEST_S_MAX):
                return await self._digests.of(organisation, kind, value)
        except CourtyardError:
            raise
        except Exception as error:
            raise BookUnavailable(
                "the record of this request can't say whose it is while the database is away; try again",
                retry_after_s=1,
            ) from error
