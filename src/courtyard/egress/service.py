"""The egress's face: decides, sends, streams back, and cuts what may run no longer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from courtyard.catalogue import (
    Card,
    Catalogue,
    Crossing,
    Endpoint,
    ModelUnavailable,
    Providers,
    UnknownProvider,
    endpoint_of,
)
from courtyard.core.clock import Clock
from courtyard.core.errors import CourtyardError, EngineFailed
from courtyard.egress import rules
from courtyard.egress.dialing import Dialing
from courtyard.egress.log import CrossingLog
from courtyard.egress.model import Asked, Cut, NotLetOut
from courtyard.engines import EngineSettings, Reply, Transport, Unreached, base_of
from courtyard.http import ClientGone
from courtyard.storage import Revisions

_log = structlog.get_logger("courtyard.egress")

_LOOK_S = 0.2
"""How often is looked for changes: a kill switch is heard of after no longer than this, and a read."""

_BLIND_S = 0.9
"""A kill switch has to work within a second. After so long without sight of the books, it is taken as thrown."""

_CONNECT_S = 10.0
_ANSWER_S = 600.0
"""How long a provider may take to begin, or pause. Serving processes are less patient, and hang up before."""

_REFUSAL_BYTES_MAX = 64 * 1024

_BLIND = "the egress can't read the books, so nobody knows whether it may"


class Passage:
    """A request that was let out, for as long as it runs."""

    def __init__(
        self, asked: Asked, settings: EngineSettings, endpoint: Endpoint, *, at_ms: int, began_s: float
    ) -> None:
        self.asked = asked
        self.settings = settings
        self.endpoint = endpoint
        self.at_ms = at_ms
        self.began_s = began_s
        self.cut: Callable[[Exception], None] = _not_begun
        """Ends it from outside, once something of it is under way."""
        self.is_answered = False
        """Whether who asked has begun to hear of it."""
        self.status = 0
        self.bytes_out = 0
        self.bytes_in = 0


class Egress:
    """Sends what may leave to where it may go; what may leave no longer is cut within a second."""

    def __init__(self, catalogue: Catalogue, providers: Providers, revisions: Revisions, clock: Clock) -> None:
        self._catalogue = catalogue
        self._providers = providers
        self._revisions = revisions
        self._clock = clock
        self.log = CrossingLog(providers.note_crossings)
        self._running: set[Passage] = set()
        self.drained = asyncio.Event()
        """Set while nothing is under way."""
        self.drained.set()
        self._transports: dict[str, tuple[EngineSettings, Endpoint, Transport]] = {}
        self._seen: dict[str, int] = {}
        self._looked_s = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []
        self.draining = False

    @property
    def in_flight(self) -> int:
        return len(self._running)

    async def start(self) -> None:
        """Follow the books."""
        await asyncio.to_thread(self._catch_up)
        self._looked_s = _now_s()
        self._tasks = [asyncio.create_task(run()) for run in (self._look, self._guard, self._write_down)]

    async def drain(self, seconds: float) -> None:
        """Let nothing more out, and what runs end; after `seconds` the rest is cut."""
        self.draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.drained.wait()
        for passage in list(self._running):
            passage.cut(Cut("the egress is shutting down"))

    async def stop(self) -> None:
        """Close every connection, and write what was decided."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, _, transport in self._transports.values():
            await transport.close()
        await self.log.flush()

    def check(self, engine: str) -> None:
        """Say by an error why nothing could be sent to an engine now, and note nothing: for whoever asks after health.

        Raises:
            NotLetOut: nothing could.
        """
        settings, endpoint, card = self._find(engine)
        if why := rules.why_closed(card, endpoint, settings.region):
            raise NotLetOut(why)

    @asynccontextmanager
    async def passing(self, asked: Asked) -> AsyncIterator[Passage]:
        """Let a request out for the length of a block, or refuse it. What was decided is noted, however it ends.

        Raises:
            NotLetOut: it may not leave.
        """
        at_ms, began_s = self._clock.now_ms(), _now_s()
        try:
            settings, endpoint = self._decide(asked)
        except NotLetOut as refusal:
            self.log.note(self._refused(asked, refusal, at_ms))
            raise
        passage = Passage(asked, settings, endpoint, at_ms=at_ms, began_s=began_s)
        self._running.add(passage)
        self.drained.clear()
        verdict, reason = "passed", ""
        try:
            yield passage
        except Cut as error:
            verdict, reason = "cut", error.message
            raise
        except CourtyardError as error:
            verdict, reason = "failed", error.message
            raise
        except ClientGone:
            verdict, reason = "left", "who asked hung up"
            raise
        except BaseException as error:
            verdict, reason = "failed", type(error).__name__
            raise
        finally:
            self._running.discard(passage)
            if not self._running:
                self.drained.set()
            self.log.note(self._ended(passage, verdict, reason))

    async def send(self, passage: Passage, path: str, body: bytes) -> Reply:
        """Send a request to its provider, and return the reply once its head is here. Close it, whatever happens.

        Raises:
            NotLetOut: in the meantime it may leave no more.
            EngineFailed: nobody answers, or not who should.
        """
        passage.settings, passage.endpoint = self._decide(passage.asked)
        passage.bytes_out = len(body)
        transport = await self._transport(passage)
        try:
            reply = await transport.send("POST", path, body, request_id=passage.asked.request, wait_s=_ANSWER_S)
        except Unreached as error:
            raise EngineFailed("the provider can't be reached; try again") from error
        passage.status = reply.status
        return reply

    async def refusal(self, passage: Passage, reply: Reply) -> bytes:
        """Return the body of a refusal, or raise as `Reply.body` does. Some repeat the key that they were shown."""
        body = await reply.body(bytes_max=_REFUSAL_BYTES_MAX, wait_s=_ANSWER_S)
        passage.bytes_in += len(body)
        key = passage.settings.key
        return body.replace(key.encode(), b"[redacted]") if key else body

    async def read(self, passage: Passage, reply: Reply) -> bytes | None:
        """Return the next piece of an answer, or nothing at its end; or raise as `Reply.read` does."""
        piece = await reply.read(_ANSWER_S)
        passage.bytes_in += len(piece or b"")
        return piece

    def _decide(self, asked: Asked) -> tuple[EngineSettings, Endpoint]:
        """Find where a request would go, and refuse it unless all of it is as it must be."""
        settings, endpoint, card = self._find(asked.engine)
        if why := rules.why_not(card, endpoint, settings.region, asked):
            raise NotLetOut(why)
        assert endpoint is not None, "an engine with no endpoint is refused"
        return settings, endpoint

    def _find(self, engine: str) -> tuple[EngineSettings, Endpoint | None, Card]:
        """Find an engine, its endpoint and its provider; refuse all of them where nothing could be decided."""
        if self.draining:
            raise NotLetOut("the egress is shutting down")
        if self._is_blind:
            raise NotLetOut(_BLIND)
        if self.log.is_full:
            raise NotLetOut("what the egress decides can't be written down, so nothing is let out")
        try:
            settings = self._catalogue.outside(engine)
            card = self._providers.card(settings.provider)
            facts = self._providers.provider(settings.provider).facts
        except (ModelUnavailable, UnknownProvider) as error:
            raise NotLetOut(error.message) from error
        return settings, None if settings.url is None else endpoint_of(settings.url, facts.endpoints), card

    @property
    def _is_blind(self) -> bool:
        return _now_s() - self._looked_s > _BLIND_S

    async def _transport(self, passage: Passage) -> Transport:
        """Return the connections to an engine; others where its address, key or pins are others now."""
        settings, endpoint = passage.settings, passage.endpoint
        known = self._transports.get(settings.name)
        if known is not None and known[:2] == (settings, endpoint):
            return known[2]
        assert settings.url is not None, "what passes has an address"
        transport = Transport(base_of(settings.url), key=settings.key, connect_s=_CONNECT_S, dial=Dialing(endpoint))
        self._transports[settings.name] = settings, endpoint, transport
        if known is not None:
            await known[2].close()
        return transport

    async def _look(self) -> None:
        """Take up what other processes changed, again and again."""
        while True:
            began_s = _now_s()
            try:
                await asyncio.to_thread(self._catch_up)
                self._looked_s = began_s
                self._cut_what_may_not()
            except Exception as error:  # Whatever it is, `_guard` counts the time since it last went well.
                _log.error("books_not_followed", reason=type(error).__name__)
            await asyncio.sleep(_LOOK_S)

    async def _guard(self) -> None:
        """Cut everything when the books have not been seen for too long: a read that hangs says nothing either."""
        while True:
            await asyncio.sleep(_LOOK_S / 2)
            if self._is_blind:
                for passage in list(self._running):
                    passage.cut(Cut(_BLIND))

    async def _write_down(self) -> None:
        """Write what was decided, and which providers time has suspended."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.log.flush()
                if self._providers.is_due():
                    await asyncio.to_thread(self._providers.carry_out)
            except Exception as error:  # Tried again; with too much that waits, nothing more is let out.
                _log.error("crossings_not_written", reason=type(error).__name__)

    def _catch_up(self) -> None:
        now = self._revisions.read()
        for room, reload in (("catalogue", self._catalogue.reload), ("providers", self._providers.reload)):
            if now.get(room) != self._seen.get(room):
                reload()
                self._seen[room] = now[room]

    def _cut_what_may_not(self) -> None:
        """Cut what runs to a provider that may be asked no longer; evidence may have expired in the meantime, too."""
        for passage in list(self._running):
            try:
                self._check_again(passage)
            except NotLetOut as refusal:
                passage.cut(Cut(refusal.message))

    def _check_again(self, passage: Passage) -> None:
        try:
            card = self._providers.card(passage.settings.provider)
        except UnknownProvider as error:
            raise NotLetOut(error.message) from error
        if why := rules.why_not(card, passage.endpoint, passage.settings.region, passage.asked):
            raise NotLetOut(why)

    def _refused(self, asked: Asked, refusal: NotLetOut, at_ms: int) -> Crossing:
        provider = ""
        with suppress(ModelUnavailable):
            provider = self._catalogue.outside(asked.engine).provider
        return Crossing(
            at_ms=at_ms,
            request=asked.request,
            provider=provider,
            engine=asked.engine,
            host="",
            purpose=asked.purpose,
            masked=asked.masked,
            verdict="refused",
            reason=refusal.message,
        )

    def _ended(self, passage: Passage, verdict: str, reason: str) -> Crossing:
        asked = passage.asked
        return Crossing(
            at_ms=passage.at_ms,
            request=asked.request,
            provider=passage.settings.provider,
            engine=asked.engine,
            host=passage.endpoint.url.removeprefix("https://"),
            purpose=asked.purpose,
            masked=asked.masked,
            verdict=verdict,
            reason=reason,
            status=passage.status,
            bytes_out=passage.bytes_out,
            bytes_in=passage.bytes_in,
            duration_ms=int((_now_s() - passage.began_s) * 1000),
        )


def _not_begun(_: Exception) -> None:
    """Nothing is under way yet: it is decided once more before anything is sent."""


def _now_s() -> float:
    return asyncio.get_running_loop().time()
