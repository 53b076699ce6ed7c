"""What a child process lives and dies by."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection

import pytest

from courtyard.core.chat import Kind
from courtyard.core.errors import EngineFailed
from courtyard.engines.builtin.e5 import E5Engine
from tests.engines.children import addresses, arguments, children, environment, is_alive, is_there
from tests.engines.prompts import chat, prompt, read, text
from tests.engines.running import llama, running, settings
from tests.engines.small_model import small_model

STORY = chat("Tell me a long story.", tokens_max=1500, ignore_eos=True)


def only_child():
    [pid] = children()
    return pid


async def until(holds, *, seconds=10.0):
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - Nothing tells when a process has changed.
            await asyncio.sleep(0.02)


async def gone(pid):
    """Wait until a process is no more, and its parent had a moment to notice."""
    await until(lambda: not is_there(pid))
    await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_costs_the_answers_under_way_and_no_other(how):
    """They fail as an engine does; the engine is back for the next request, in a new process."""

    async def run():
        async with running(llama(slots=2)) as engine:
            first = only_child()
            answers = [engine.generate("m", STORY) for _ in range(2)]
            for deltas in answers:
                await anext(deltas)
            os.kill(first, how)
            for deltas in answers:
                with pytest.raises(EngineFailed):
                    await asyncio.wait_for(read(deltas), 5)
            await gone(first)
            answer = text(await read(engine.generate("m", chat("Hello", tokens_max=4))))
            return first, only_child(), answer, await engine.health()

    first, second, answer, health = asyncio.run(run())

    assert first != second
    assert answer
    assert health.ready


def test_it_comes_back_however_often_it_crashes():
    """Three times in a row; a request that comes meanwhile waits for it."""

    async def run():
        async with running(llama(slots=1)) as engine:
            for _ in range(3):
                pid = only_child()
                os.kill(pid, signal.SIGKILL)
                await gone(pid)
                assert text(await read(engine.generate("m", chat("Hello", tokens_max=4))))

    asyncio.run(run())


def test_a_crash_of_the_embeddings_engine_costs_one_request():
    """It is back for the next."""

    async def run():
        async with running(E5Engine(settings("e5"))) as engine:
            texts = prompt(Kind.EMBEDDING, ["The wind and the waves. " * 60] * 64, tokens_max=None)
            task = asyncio.ensure_future(engine.embed("m", texts))
            await asyncio.sleep(0.3)
            pid = only_child()
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(EngineFailed):
                await asyncio.wait_for(task, 5)
            await gone(pid)
            return await engine.embed("m", prompt(Kind.EMBEDDING, "The sea", tokens_max=None))

    assert asyncio.run(run()).usage.input > 0


def test_closing_leaves_no_process():
    """Also while answers are under way, and while the model loads."""

    async def run():
        engine = llama(slots=1)
        await engine.start()
        pid = only_child()
        await anext(engine.generate("m", STORY))
        began = time.monotonic()
        await engine.close()
        assert time.monotonic() - began < 3
        assert not is_alive(pid)

        engine = llama(slots=1)
        starting = asyncio.ensure_future(engine.start())
        await until(lambda: bool(children()))
        await engine.close()
        await asyncio.wait_for(starting, 5)

    asyncio.run(run())

    assert children() == []


def test_a_child_does_not_outlive_its_parent():
    """Killed without a word, the parent takes its child with it."""
    program = (
        "import asyncio\n"
        "from tests.engines.running import llama\n"
        "async def run():\n"
        "    engine = llama(slots=1)\n"
        "    await engine.start()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(run())\n"
    )
    variables = {**os.environ, "COURTYARD_TEST_MODEL": str(small_model())}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=variables) as parent:
        assert parent.stdout is not None
        while parent.stdout.readline() not in (b"ready\n", b""):
            pass
        [pid] = children(of=parent.pid)
        parent.kill()

    asyncio.run(until(lambda: not is_alive(pid), seconds=3))


def test_nobody_else_on_the_machine_can_ask_it():
    """It listens on loopback alone and wants a key, which stands neither in its arguments nor in its environment."""

    async def run(engine, path):
        async with running(engine):
            pid = only_child()
            [(host, port)] = addresses(pid)
            connection = HTTPConnection(host, port)
            connection.request("POST", path, b'{"input": "x", "messages": []}', {"authorization": "Bearer guessed"})
            status = connection.getresponse().status
            connection.close()
            return host, status, environment(pid), arguments(pid)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURTYARD_SECRET_MASTER", "hidden")
        patch.setenv("OPENAI_API_KEY", "hidden")
        seen = [
            asyncio.run(run(llama(slots=1), "/v1/chat/completions")),
            asyncio.run(run(E5Engine(settings("e5")), "/v1/embeddings")),
        ]

    for host, status, variables, words in seen:
        assert host == "127.0.0.1"
        assert status == 401
        assert "hidden" not in variables.values()
        assert variables["GOMP_SPINCOUNT"] == "1000"
        assert words[1:3] == ["-P", "-m"]
        assert len([word for word in words if word]) == 4


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"path": "/nowhere/model.gguf"}, "there is no file /nowhere/model.gguf"),
        ({"path": __file__}, "can't load test_child_life.py"),
        ({"sha256": "0" * 64}, "SHA-256 differs"),
        ({"memory_bytes": 10**15}, "it needs 1,000,000.00 GB of memory"),
        ({"lora": __file__}, "can't load"),
        ({"load_s": 0.01}, "not ready within"),
    ],
)
def test_an_engine_that_can_not_run_says_why(options, reason):
    """To its operator; a caller learns that it does not run, and does not wait for it."""

    async def run():
        async with running(llama(slots=1, **options)) as engine:
            health = await engine.health()
            async with asyncio.timeout(2):
                with pytest.raises(EngineFailed, match="does not run") as caught:
                    await read(engine.generate("m", chat("Hello")))
            return health, str(caught.value)

    health, told = asyncio.run(run())

    assert not health.ready
    assert reason in health.detail
    assert reason not in told


def test_a_child_that_takes_too_much_memory_is_ended():
    """The bound is twice what it was said to take."""

    async def run():
        async with running(llama(slots=1, memory_bytes=20_000_000)) as engine:
            await until(lambda: not children() or "may have 40 MB" in engine._supervisor._reason)
            await until(lambda: "may have 40 MB" in engine._supervisor._reason)

    asyncio.run(run())


def test_a_whole_digest_lets_a_model_load():
    """The right file is served."""

    async def run():
        digest = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
        async with running(llama(slots=1, sha256=digest)) as engine:
            return await engine.health()

    assert asyncio.run(run()).ready
