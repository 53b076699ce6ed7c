"""The egress: what leaves, what does not, and how fast what leaves is cut."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from courtyard.catalogue import State
from courtyard.core.clock import FrozenClock, SystemClock
from courtyard.core.errors import EngineFailed
from courtyard.engines import Transport
from courtyard.engines.transport import by_socket
from courtyard.storage import Database, Revisions
from tests.catalogue.providing import ANA, DAY_MS, SCOPE, Provided
from tests.egress.outside import KEY, Certified, certified, gushing, outside
from tests.egress.walled import SECRET, in_a_loop, let_in, prompt, text_of, walled

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
pytestmark = ON_SQLITE

LONG = " ".join(["word"] * 400)
TOLD = {"x-courtyard-engine": "theirs", "x-courtyard-purpose": "research", "x-courtyard-masked": "reversible"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certified(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def provided(database: Database, tmp_path: Path) -> Provided:
    return Provided(database, SystemClock(), tmp_path)


@in_a_loop
async def test_an_answer_comes_through(provided: Provided, shown: Certified) -> None:
    """With the key that only the egress has; and what crossed is written down, without a word of it."""
    async with outside(shown) as server:
        let_in(provided, server.url, shown)
        async with walled(provided) as wall:
            engine = wall.engine()
            assert (await engine.health()).ready
            assert await text_of(engine.generate("m", prompt())) == "one two three"
            [crossing] = await wall.crossings()
            await engine.close()

    assert server.headers[-1][b"authorization"] == f"Bearer {KEY}".encode()
    assert not any(b"courtyard" in name for name in server.headers[-1])
    assert (crossing.verdict, crossing.provider, crossing.purpose, crossing.masked, crossing.status) == (
        "passed",
        "acme",
        "research",
        "reversible",
        200,
    )
    assert crossing.bytes_in > 0
    assert crossing.bytes_out > 0
    [day] = provided.providers.crossed("2020-01-01", "2999-01-01")
    assert (day.provider, day.tier, day.passed, day.refused) == ("acme", "foreign", 1, 0)


WRONG: dict[str, tuple[Callable[[Provided], object] | None, dict[str, Any], str]] = {
    "another purpose": (None, {"purpose": "marketing"}, "not admitted for the purpose"),
    "no purpose": (None, {"purpose": ""}, "not admitted for the purpose"),
    "nothing masked": (None, {"masked": ""}, "not masked"),
    "a word for masking": (None, {"masked": "yes"}, "not masked"),
    "suspended": (lambda it: it.providers.suspend("acme", by=ANA, reason="a doubt"), {}, "is suspended"),
    "killed": (lambda it: it.providers.kill("acme", by=ANA, reason="a leak"), {}, "kill switch"),
    "all killed": (lambda it: it.providers.kill(None, by=ANA, reason="a leak"), {}, "kill switch of all"),
}


@in_a_loop
async def test_what_may_not_leave_does_not(provided: Provided, shown: Certified) -> None:
    """Whatever policy has said: the egress looks again, says why in its books, and nothing reaches the provider."""
    async with outside(shown) as server:
        let_in(provided, server.url, shown)
        async with walled(provided) as wall:
            engine = wall.engine()
            for change, said, why in WRONG.values():
                if change is not None:
                    change(provided)
                    await asyncio.sleep(0.5)
                with pytest.raises(EngineFailed):
                    await text_of(engine.generate("m", prompt(**said)))
                [last, *_] = await wall.crossings()
                assert last.verdict == "refused"
                assert why in last.reason or change is not None
            assert not (await engine.health()).ready
            await engine.close()

    assert not server.bodies


@in_a_loop
async def test_nobody_else_is_let_out(provided: Provided, shown: Certified) -> None:
    """Without the house's secret nothing is told, and with it only what the egress sends: no other engine or path."""
    async with outside(shown) as server:
        let_in(provided, server.url, shown)
        provided.catalogue.add("own", url="http://127.0.0.1:9/v1", engine="own")
        async with walled(provided) as wall:
            with pytest.raises(EngineFailed, match="401"):
                await text_of(wall.engine(key="guessed").generate("m", prompt()))
            assert not await wall.crossings()
            for path, engine, status in (
                ("/chat/completions", "own", 403),
                ("/chat/completions", "nobody", 403),
                ("/files", "theirs", 404),
                ("/chat/completions/../files", "theirs", 404),
            ):
                headers = TOLD | {"x-courtyard-engine": engine}
                transport = Transport(
                    "http://egress/v1", key=SECRET, connect_s=5, dial=by_socket(wall.way.path), headers=headers
                )
                reply = await transport.send("POST", path, b"{}", request_id="r", wait_s=5)
                assert reply.status == status
                await reply.close()
                await transport.close()

    assert not server.bodies


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"pins": ("00" * 32,)}, "not pinned"),
        ({"private": False}, "private network"),
        ({"ca": ""}, "does not verify"),
    ],
)
@in_a_loop
async def test_only_who_is_known_there_is_told_anything(
    provided: Provided, shown: Certified, said: dict[str, Any], why: str
) -> None:
    """Another key, another authority, or an address inside: not a byte of the request is sent."""
    async with outside(shown) as server:
        let_in(provided, server.url, shown, **said)
        async with walled(provided) as wall:
            engine = wall.engine()
            with pytest.raises(EngineFailed):
                await text_of(engine.generate("m", prompt()))
            [last, *_] = await wall.crossings()
            await engine.close()

    assert last.verdict == "failed"
    assert why in last.reason
    assert not server.headers


@in_a_loop
async def test_a_refusal_does_not_tell_the_key(provided: Provided, shown: Certified) -> None:
    """Some servers repeat the key that they were shown; who serves never sees it."""
    async with outside(shown) as server:
        let_in(provided, server.url, shown)
        (provided.directory / "acme.key").write_text("sk-that-was-withdrawn")
        server.key = "sk-that-was-withdrawn, or so"
        async with walled(provided) as wall:
            transport = Transport(
                "http://egress/v1", key=SECRET, connect_s=5, dial=by_socket(wall.way.path), headers=TOLD
            )
            reply = await transport.send("POST", "/chat/completions", b"{}", request_id="r", wait_s=5)
            said = await reply.body(bytes_max=10_000, wait_s=5)
            await reply.close()
            await transport.close()

    assert reply.status == 401
    assert b"Incorrect API key provided: [redacted], or so" in said


async def until_begun(deltas: Any) -> None:
    """Wait for the first piece of an answer."""
    assert (await anext(deltas)).text


@pytest.mark.parametrize("which", ["acme", None])
@in_a_loop
async def test_a_kill_cuts_what_runs_within_a_second(provided: Provided, shown: Certified, which: str | None) -> None:
    """Of a provider, or of all that are foreign."""
    async with outside(shown, delay_ms=20) as server:
        let_in(provided, server.url, shown)
        async with walled(provided) as wall:
            engine = wall.engine()
            deltas = engine.generate("m", prompt(LONG))
            await until_begun(deltas)
            provided.providers.kill(which, by=ANA, reason="a leak")
            killed_s = time.monotonic()
            with pytest.raises(EngineFailed):
                await text_of(deltas)
            took_s = time.monotonic() - killed_s
            await asyncio.wait_for(server.left.wait(), 1)
            [last, *_] = await wall.crossings()
            await engine.close()

    assert took_s < 1
    assert last.verdict == "cut"
    assert "kill switch" in last.reason


class Away(Revisions):
    """Books that can be out of sight."""

    away = False

    def read(self) -> dict[str, int]:
        if self.away:
            raise OSError
        return super().read()


@in_a_loop
async def test_who_cannot_see_the_books_lets_nothing_out(provided: Provided, shown: Certified) -> None:
    """A kill switch could have been thrown: what runs is cut within a second, and what comes is refused."""
    revisions = Away(provided.database)
    async with outside(shown, delay_ms=20) as server:
        let_in(provided, server.url, shown)
        async with walled(provided, revisions=revisions) as wall:
            engine = wall.engine()
            deltas = engine.generate("m", prompt(LONG))
            await until_begun(deltas)
            revisions.away = True
            away_s = time.monotonic()
            with pytest.raises(EngineFailed):
                await text_of(deltas)
            assert time.monotonic() - away_s < 1.5
            with pytest.raises(EngineFailed):
                await text_of(engine.generate("m", prompt()))
            revisions.away = False
            await asyncio.sleep(0.5)
            assert await text_of(engine.generate("m", prompt())) == "one two three"
            await engine.close()


@in_a_loop
async def test_evidence_that_expires_cuts_what_runs(database: Database, tmp_path: Path, shown: Certified) -> None:
    """Time alone does it, and it is written down that it did."""
    clock = FrozenClock()
    provided = Provided(database, clock, tmp_path)
    async with outside(shown, delay_ms=20) as server:
        let_in(provided, server.url, shown)
        async with walled(provided) as wall:
            engine = wall.engine()
            deltas = engine.generate("m", prompt(LONG))
            await until_begun(deltas)
            clock.advance(201 * 24 * 3600)
            with pytest.raises(EngineFailed):
                await text_of(deltas)
            await asyncio.sleep(0.5)
            await engine.close()

    provided.providers.reload()
    assert provided.providers.provider("acme").state is State.SUSPENDED
    assert provided.providers.changes("acme")[0].reason == "its time is over"


@in_a_loop
async def test_an_answer_that_nobody_reads_waits_outside(provided: Provided, shown: Certified) -> None:
    """A provider that never stops talking fills the buffers between, and no memory."""
    async with gushing(shown) as url:
        let_in(provided, url, shown)
        async with walled(provided) as wall:
            transport = Transport(
                "http://egress/v1",
                key=SECRET,
                connect_s=5,
                dial=by_socket(wall.way.path),
                headers=TOLD,
            )
            reply = await transport.send("POST", "/chat/completions", b"{}", request_id="r", wait_s=5)
            seen = -1
            [passage] = wall.egress._running
            while passage.bytes_in != seen:
                seen = passage.bytes_in
                await asyncio.sleep(0.3)
            await reply.close()
            await transport.close()
            await asyncio.wait_for(wall.egress.drained.wait(), 2)
            [last] = await wall.crossings()

    assert seen < 4_000_000
    assert last.verdict == "left"


@in_a_loop
async def test_a_scope_that_shrinks_cuts_what_lies_outside_of_it(provided: Provided, shown: Certified) -> None:
    """Back on trial, a provider is evaluated and nothing else."""
    async with outside(shown, delay_ms=20) as server:
        let_in(provided, server.url, shown)
        async with walled(provided) as wall:
            engine = wall.engine()
            deltas = engine.generate("m", prompt(LONG))
            await until_begun(deltas)
            providers = provided.providers
            providers.suspend("acme", by=ANA, reason="look again")
            providers.advance("acme", by=ANA, reason="looked")
            until_ms = provided.clock.now_ms() + DAY_MS
            providers.begin_trial("acme", SCOPE, until_ms=until_ms, by=ANA, reason="once more")
            with pytest.raises(EngineFailed):
                await text_of(deltas)
            await asyncio.sleep(0.5)
            assert await text_of(engine.generate("m", prompt(purpose="evaluation"))) == "one two three"
            await engine.close()
