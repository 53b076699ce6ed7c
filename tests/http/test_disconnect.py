"""A client is watched for as long as it is served."""

import asyncio

import pytest

from courtyard.http import ClientGone, TookTooLong, Watch


class Client:
    """Both ends of an ASGI exchange: leaves when told, and reads only when told to."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self.got: list[bytes] = []

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await self.reads.wait()
        self.got.append(message["body"])

    def watch(self, *, seconds: float = 5.0, stall_s: float = 5.0) -> Watch:
        return Watch(self.receive, self.send, seconds=seconds, stall_s=stall_s)


def test_a_block_that_ends_first_is_left_alone():
    """Nothing is cancelled, and nothing keeps running."""

    async def run():
        client = Client()
        async with client.watch() as watch:
            await watch.send({"body": b"a"})
        client.left.set()
        for _ in range(3):
            await asyncio.sleep(0)
        return client.got, len(asyncio.all_tasks())

    assert asyncio.run(run()) == ([b"a"], 1)


def test_a_client_that_leaves_ends_the_block_where_it_waits():
    """The block leaves as `ClientGone`, and the task itself is not cancelled afterwards."""

    async def block(client):
        async with client.watch():
            client.left.set()
            await asyncio.Event().wait()

    async def run():
        with pytest.raises(ClientGone):
            await block(Client())
        task = asyncio.current_task()
        assert task is not None
        await asyncio.sleep(0)
        return task.cancelling()

    assert asyncio.run(run()) == 0


def test_a_block_has_all_the_time_it_may_have_and_no_more():
    """The block leaves as `TookTooLong`."""

    async def run():
        async with Client().watch(seconds=0.02):
            await asyncio.Event().wait()

    with pytest.raises(TookTooLong):
        asyncio.run(run())


def test_a_client_that_reads_nothing_is_gone():
    """A send that does not complete for `stall_s` is given up."""

    async def run():
        client = Client()
        client.reads.clear()
        async with client.watch(stall_s=0.02) as watch:
            await watch.send({"body": b"a"})

    with pytest.raises(ClientGone):
        asyncio.run(run())


def test_a_client_that_reads_slowly_is_served():
    """Only a single send that stalls counts, not many that take long together."""

    async def run():
        client = Client()
        async with client.watch(stall_s=0.2) as watch:
            for _ in range(5):
                client.reads.clear()
                asyncio.get_running_loop().call_later(0.06, client.reads.set)
                await watch.send({"body": b"a"})
        return client.got

    assert asyncio.run(run()) == [b"a"] * 5


def test_a_block_can_be_stopped_with_a_reason():
    """Draining ends a block as it says; the first reason counts."""

    async def run():
        client = Client()
        async with client.watch() as watch:
            watch.stop(ValueError("first"))
            watch.stop(ValueError("second"))
            await asyncio.Event().wait()

    with pytest.raises(ValueError, match="first"):
        asyncio.run(run())


def test_a_cancellation_from_outside_stays_one():
    """Whoever cancels the task itself gets their cancellation."""

    async def run():
        client = Client()

        async def block():
            async with client.watch():
                await asyncio.Event().wait()

        task = asyncio.create_task(block())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return True

    assert asyncio.run(run())


def test_an_error_in_the_block_comes_through():
    """The watch adds nothing to it."""

    async def run():
        async with Client().watch():
            raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        asyncio.run(run())
