"""The house, serving: doors, console, engines, and what keeps them in step."""

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from courtyard.app import House
from courtyard.assistant import Assistant
from courtyard.billing import Clerk, PaymentDoor, Warnings
from courtyard.console import ConsoleRooms, ConsoleSettings, WallRooms, console_app
from courtyard.core.principal import Principal
from courtyard.gateway import OPERATIONS, Gateway, GatewayLimits, Operations, Readiness, credential
from courtyard.http import Headers, Receive, Scope, Send
from courtyard.identity import ScimDoor
from courtyard.knowledge import Grounding, McpDoor
from courtyard.policy import Policy
from courtyard.serving import Pool, Serving, Wall
from courtyard.settings import Settings
from courtyard.telemetry import Exchange, Telemetry

_log = structlog.get_logger("courtyard")

_FOLLOW_S = 0.4
"""How often a serving process looks for changes that other processes made: a revoked key works no longer than this."""

_SESSION = re.compile(r"(?:^|; ?)(?:__Host-)?courtyard=([^; ]+)")
"""Where a browser's cookies name its session."""

_NOTE_S = 1.0
"""How often is written what the gate judged and what answers were labelled."""

_FLUSH_S = 30.0
"""How often is written when keys and sessions were last used."""


_Door = Callable[[Scope, Receive, Send], Awaitable[None]]


class Server:
    """The house, serving: an ASGI application with a beginning and an end."""

    def __init__(self, house: House, pool: Pool) -> None:
        settings = house.settings
        self.house = house
        self.telemetry = Telemetry(settings.telemetry)
        self.pool = pool
        self.serving = Serving(
            policy=Policy.of(settings.policy.rules, options=settings.policy.options, gate=house.gate),
            licensing=house.licensing,
            ledger=house.ledger,
            catalogue=house.catalogue,
            pool=self.pool,
            evidence=house.evidence,
            clock=house.clock,
            wall=Wall(
                providers=house.providers,
                identifiers=house.detection.identifiers,
                masking=house.masking,
                digests=house.digests,
                exports=house.register.exports,
                labels=house.labels,
            ),
            grounding=Grounding(house.knowledge, quotes_below_bytes=settings.knowledge.quotes_below_bytes),
        )
        self.mcp = McpDoor(house.knowledge, self.who)
        self.gateway = Gateway(house.identity, self.serving, self.telemetry, _limits(settings), house.clock)
        self.assistant = Assistant(house.database, self.serving, house.clock)
        self.operations = Operations(house.identity, self.telemetry, self.readiness)
        self.clerk = Clerk(
            house.notices,
            house.payments,
            _warnings(house),
            others=(house.deadlines.turn, house.register.retentions.turn),
        )
        self._payment_door = PaymentDoor(house.payments)
        self._scim_door = ScimDoor(house.identity, left=house.licensing.free, url=settings.server.url)
        self._web = console_app(
            ConsoleRooms(
                identity=house.identity,
                catalogue=house.catalogue,
                pricing=house.pricing,
                ledger=house.ledger,
                licensing=house.licensing,
                evidence=house.evidence,
                notices=house.notices,
                billing=house.billing,
                payments=house.payments,
                serving=self.serving,
                assistant=self.assistant,
                knowledge=house.knowledge,
                wall=WallRooms(
                    providers=house.providers,
                    packs=house.packs,
                    gate=house.gate,
                    approvals=house.approvals,
                    detection=house.detection,
                    masking=house.masking,
                    register=house.register,
                    assurance=house.assurance,
                    evaluations=house.evaluations,
                ),
                clock=house.clock,
                settings=ConsoleSettings(
                    url=settings.server.url,
                    hosts=settings.server.hosts,
                    currency=settings.currency,
                    upload_bytes_max=settings.documents.bytes_max,
                ),
                health=self.pool.health,
            )
        )
        self._seen: dict[str, int] = {}
        self._catching_up = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._watch()

    async def start(self) -> None:
        """Open the books, start the engines, and follow what other processes change."""
        self._seen = await asyncio.to_thread(self.house.revisions.read)
        await asyncio.gather(
            self.pool.follow(self.house.catalogue.engines()),
            self._open_books(),
            asyncio.to_thread(self.house.detection.find, ""),  # The first search makes its tables ready.
            asyncio.to_thread(self.house.gate.reload),
            asyncio.to_thread(self.house.labels.load),
            asyncio.to_thread(self.house.knowledge.reload),
        )
        self._tasks = [
            asyncio.create_task(self._follow()),
            asyncio.create_task(self._flush()),
            asyncio.create_task(self._note()),
        ]
        self.clerk.start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead each exchange to its door."""
        if scope["type"] != "http":
            return
        path: str = scope["path"]
        if path.startswith("/v1/"):
            await self.gateway(scope, receive, send)
        elif path in OPERATIONS:
            await self.operations(scope, receive, send)
        elif path.startswith(f"{ScimDoor.PREFIX}/"):
            await self._noted("scim", self._scim_door, scope, receive, send)
        elif path == McpDoor.PATH:
            await self._noted("mcp", self.mcp, scope, receive, send)
        elif path.startswith(PaymentDoor.PREFIX):
            await self._noted("payments", self._payment_door, scope, receive, send)
        else:
            await self._noted("console", self._console, scope, receive, send)

    def who(self, headers: Headers) -> Principal:
        """Tell by its key who asks."""
        return self.house.identity.authenticate(credential(headers))

    async def drain(self, seconds: float | None = None) -> None:
        """Take no new work, and see what is running to its end; after `seconds`, or `drain_s`, the rest is cut."""
        seconds = self.house.settings.server.drain_s if seconds is None else seconds
        left = sum(await asyncio.gather(self.gateway.drain(seconds), self.assistant.drain(seconds)))
        if left:
            _log.warning("requests_cut", count=left)

    async def stop(self) -> None:
        """Close everything in the order that loses nothing: doors, engines, books."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, self.clerk.stop(), self.mcp.close(), return_exceptions=True)
        await asyncio.gather(self.pool.close(), self.house.detection.close())
        await self.house.ledger.stop()
        await asyncio.to_thread(self.house.evidence.close)
        await asyncio.to_thread(self.house.identity.flush)
        await asyncio.to_thread(self.house.gate.flush)
        await asyncio.to_thread(self.house.labels.flush)
        self.telemetry.close()

    async def readiness(self) -> Readiness:
        """Ask the engines and the journal whether work may come."""
        engines = {str(name): health.ready for name, health in (await self.pool.health()).items()}
        problems = []
        if self.gateway.draining:
            problems.append("the server is shutting down")
        if failure := self.house.ledger.failure:
            problems.append(f"the journal can't be written: {failure}")
        if failure := self.house.evidence.failure:
            problems.append(f"the evidence can't be written: {failure}")
        if not any(engines.values()):
            problems.append("no engine is ready")
        return Readiness(ready=not problems, engines=engines, problems=tuple(problems))

    async def _open_books(self) -> None:
        await asyncio.to_thread(self.house.ledger.open)
        await asyncio.to_thread(self.house.licensing.carry_out)
        await asyncio.to_thread(self.house.evidence.open)
        await self.house.ledger.start()

    async def _console(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._know_session(scope)
        await self._web(scope, receive, send)

    async def _noted(self, door: str, app: _Door, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead an exchange to a door that keeps no account of its own, and keep it."""
        clock = self.house.clock
        begun_ms, began, status = clock.now_ms(), clock.monotonic(), 500

        async def noting(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, noting)
        finally:
            self.telemetry.finished(
                Exchange(
                    request_id="",
                    door=door,
                    method=scope["method"],
                    path="/" + scope["path"].lstrip("/").partition("/")[0],
                    status=status,
                    begun_ms=begun_ms,
                    duration_ms=(clock.monotonic() - began) * 1000,
                    error="not_found" if status == 404 else None,
                )
            )

    async def _follow(self) -> None:
        """Do what is due, and take up what other processes changed, again and again."""
        licensing, providers = self.house.licensing, self.house.providers
        while True:
            await asyncio.sleep(_FOLLOW_S)
            try:
                await self._catch_up()
                if licensing.is_due():
                    await asyncio.to_thread(licensing.carry_out)
                if providers.is_due():
                    await asyncio.to_thread(providers.carry_out)
            except Exception as error:  # The database may be away: what is in memory goes on serving.
                _log.error("changes_not_followed", reason=type(error).__name__)

    async def _catch_up(self) -> None:
        """Reload the rooms whose revision moved; where one can't, the others follow all the same."""
        house = self.house
        rooms = {
            "identity": house.identity.reload,
            "catalogue": house.catalogue.reload,
            "pricing": house.pricing.reload,
            "ledger": house.ledger.reload,
            "leases": house.ledger.hear,
            "licensing": house.licensing.reload,
            "labels": house.labels.load,
            "policy": house.gate.reload,
            "approvals": house.gate.reload,
            "providers": house.providers.reload,
            "privacy": self._know_privacy,
            "knowledge": house.knowledge.reload,
        }
        async with self._catching_up:
            now = await asyncio.to_thread(house.revisions.read)
            for room in [room for room in rooms if now.get(room) != self._seen.get(room)]:
                try:
                    await asyncio.to_thread(rooms[room])
                    if room == "catalogue":
                        await self.pool.follow(house.catalogue.engines())
                except Exception as error:  # It is tried again: a kill switch waits for nobody's trouble.
                    _log.error("room_not_followed", room=room, reason=type(error).__name__)
                else:
                    self._seen[room] = now[room]

    def _know_privacy(self) -> None:
        self.house.digests.reload()
        self.house.vault.reload()

    async def _know_session(self, scope: Scope) -> None:
        """Look whether a session that is not known here was begun at another worker a moment ago."""
        cookies = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
        found = _SESSION.search(cookies)
        if found is not None and self.house.identity.session(found[1]) is None:
            with contextlib.suppress(Exception):  # Where the database is away, they are asked to sign in.
                await self._catch_up()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            with contextlib.suppress(Exception):  # Tried again; it is only when something was last used.
                await asyncio.to_thread(self.house.identity.flush)

    async def _note(self) -> None:
        """Write what was judged and what was labelled, again and again; what can't be written is tried again."""
        while True:
            await asyncio.sleep(_NOTE_S)
            for room in (self.house.gate, self.house.labels):
                with contextlib.suppress(Exception):
                    await asyncio.to_thread(room.flush)

    @property
    def in_flight(self) -> int:
        """Requests being served, those of the assistant included."""
        return self.gateway.in_flight + self.assistant.in_flight

    def _watch(self) -> None:
        self.telemetry.watch("courtyard_in_flight", "Requests being served.", lambda: self.in_flight)
        self.telemetry.watch(
            "courtyard_engine_available",
            "Whether an engine may be tried: 0 while its circuit is open.",
            lambda: {card.name: float(card.available) for card in self.pool.cards},
            label="engine",
        )


def _warnings(house: House) -> Warnings:
    return Warnings(
        house.database,
        house.clock,
        accounts=house.ledger,
        identity=house.identity,
        invoices=house.payments,
        settings=house.notices.settings,
    )


def _limits(settings: Settings) -> GatewayLimits:
    server = settings.server
    return GatewayLimits(
        body_bytes_max=server.body_bytes_max,
        messages_max=server.messages_max,
        in_flight_max=server.in_flight_max,
        request_s_max=server.request_s_max,
        send_stall_s_max=server.send_stall_s_max,
    )
