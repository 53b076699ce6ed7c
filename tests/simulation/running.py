"""Runs a world for so many steps, and says where it broke."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from courtyard.core import ids
from tests.simulation.acts import step
from tests.simulation.world import World


class Broken(AssertionError):
    """A promise did not hold: the seed and the step tell how to see it again."""


def run(url: str, directory: Path, *, seed: int, steps: int, heard: Callable[[int], None] = lambda _: None) -> World:
    """Take steps, checking after each of them; then heal the world and settle up."""
    with _ids_of(seed):
        return _run(World(url, directory, seed=seed), seed=seed, steps=steps, heard=heard)


def _run(world: World, *, seed: int, steps: int, heard: Callable[[int], None]) -> World:
    done: list[str] = []
    try:
        for node in world.nodes:
            world.start(node)
        for tenant in world.tenants:
            world.top_up(tenant, 3000, "first")
        for number in range(steps):
            done.append(step(world))
            world.check()
            heard(number + 1)
        done.append("heal")
        world.heal()
        world.settle_up()
    except Exception as error:
        last = ", ".join(done[-12:])
        raise Broken(f"seed {seed}, step {len(done)} ({last}): {error}") from error
    finally:
        world.close()
    return world


@contextmanager
def _ids_of(seed: int) -> Iterator[None]:
    """Have new ids be what the seed says: things are done in their order."""
    chance = random.Random(seed)
    made = iter(range(10**12))
    with (
        mock.patch.object(ids, "os", mock.Mock(urandom=chance.randbytes)),
        mock.patch.object(ids, "time", mock.Mock(time_ns=lambda: next(made) * 10**6)),
    ):
        yield
