"""The engine room: one process of a machine that runs the engines' children for all of its workers."""

import asyncio
import hmac
import socket
from contextlib import suppress

import msgspec

from courtyard.core.ids import EngineName
from courtyard.engines.child.placing import LINE_BYTES_MAX, Order, Told
from courtyard.engines.child.supervisor import Plan, Supervisor

_ORDER_S = 5.0


class Room:
    """Runs each child that some worker wants, once. A child that nobody wants any more is ended."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._children: dict[Order, Supervisor] = {}
        self._wanted: dict[Order, int] = {}
        self._orders: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.idle = asyncio.Event()
        """Set while no worker wants a child."""
        self.idle.set()

    async def open(self, bound: socket.socket) -> None:
        """Take orders on a socket of this machine, until `close`."""
        self._server = await asyncio.start_server(self._attend, sock=bound, limit=LINE_BYTES_MAX)

    async def close(self) -> None:
        """Take no more orders, and end every child."""
        self._server.close()
        for worker in self._orders.values():
            worker.close()  # That ends the order, and the last one to want a child ends it.
        await asyncio.gather(*self._orders)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run what a worker orders for as long as it stays."""
        task = asyncio.current_task()
        assert task is not None
        self._orders[task] = writer
        try:
            order = await self._read(reader)
            if order is not None:
                await self._run(order, reader, writer)
        finally:
            del self._orders[task]
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Order | None:
        """Read an order; nothing where it is not a worker's."""
        try:
            async with asyncio.timeout(_ORDER_S):
                order = msgspec.json.decode(await reader.readline(), type=Order)
        except (TimeoutError, OSError, ValueError):
            return None
        return order if hmac.compare_digest(order.room_key.encode(), self._key.encode()) else None

    async def _run(self, order: Order, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        child = self._child(order)
        starting = asyncio.create_task(child.start())
        telling = asyncio.create_task(_tell(child, writer))
        try:
            await reader.read(1)  # A worker says no more: this ends when it is gone.
        except OSError:
            pass
        finally:
            for task in (starting, telling):
                task.cancel()
            await self._release(order)

    def _child(self, order: Order) -> Supervisor:
        if order not in self._children:
            plan = Plan(
                module=order.module,
                settings=lambda key: _with_key(order.settings, key),
                memory_needed=order.memory_needed,
                memory_max=order.memory_max,
                load_s=order.load_s,
                concurrency_max=1,
                first_s=order.load_s,
                stall_s=order.load_s,
            )
            self._children[order] = Supervisor(EngineName(order.name), plan)
        self._wanted[order] = self._wanted.get(order, 0) + 1
        self.idle.clear()
        return self._children[order]

    async def _release(self, order: Order) -> None:
        self._wanted[order] -= 1
        if not self._wanted[order]:
            del self._wanted[order]
            child = self._children.pop(order)
            if not self._wanted:
                self.idle.set()
            await child.close()


async def _tell(child: Supervisor, writer: asyncio.StreamWriter) -> None:
    """Tell a worker where the child is, each time that this changes."""
    last: Told | None = None
    with suppress(OSError):
        while True:
            changed = child.next_change()
            told = child.told
            if told is not None and told != last:
                writer.write(msgspec.json.encode(told) + b"\n")
                await writer.drain()
                last = told
            await changed.wait()


def _with_key(settings: str, key: str) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(settings) | {"key": key})
