"""What passes between workers and the engine room: which child is wanted, and where it is."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from courtyard.engines.engine import EngineRoom

LINE_BYTES_MAX = 64 * 1024


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A child that a worker wants to be run, for as long as its connection stands. `room_key` is a secret."""

    room_key: str
    name: str
    module: str
    settings: str
    """What the child is told, as JSON; the room puts the key in."""
    memory_needed: int
    memory_max: int
    load_s: float


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the child is, or why it is not. `key` is a secret."""

    url: str = ""
    key: str = ""
    context_tokens: int = 0
    reason: str = ""
    is_back_soon: bool = False


async def placed(room: EngineRoom, order: Order) -> AsyncGenerator[Told, None]:
    """Have a child run, and yield what is told of it until the room is gone."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", room.port, limit=LINE_BYTES_MAX)
    except OSError:
        return
    try:
        writer.write(msgspec.json.encode(order) + b"\n")
        while line := await reader.readline():
            yield msgspec.json.decode(line, type=Told)
    except (OSError, ValueError):
        return
    finally:
        writer.close()
