"""One house for all tests of the peers' failures, with upstreams that misbehave as theirs did."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from courtyard.core.chat import Kind
from courtyard.gateway import GatewayLimits
from tests.peers import upstreams
from tests.peers.doors import Asker
from tests.walk.housed import Housed, housed
from tests.walk.wait import until

_RATES = {"input": 10**9, "cached_input": 10**8, "cache_write": 2 * 10**9, "output": 3 * 10**9, "reasoning": 5 * 10**9}
"""A rate of its own for each dimension, in nano-units a million tokens."""
_TEXTS, _VECTORS = [Kind.CHAT, Kind.COMPLETION], [Kind.EMBEDDING]


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Housed]:
    """A house that serves the echo engine, and a model for each way in which an upstream may misbehave."""
    with ExitStack() as stack:
        served = {
            "cached": upstreams.reporting(upstreams.CACHED),
            "zero": upstreams.reporting(upstreams.ZERO),
            "empty": upstreams.reporting(upstreams.EMPTY),
            "below-zero": upstreams.reporting(upstreams.BELOW_ZERO),
            "endless": upstreams.reporting(upstreams.ZERO | {"completion_tokens": 10**9}, words=upstreams.ENDLESS),
            "failing": upstreams.failing(),
        }
        vectors = {
            "cached-vectors": upstreams.embedding(upstreams.CACHED),
            "zero-vectors": upstreams.embedding(upstreams.ZERO),
            "empty-vectors": upstreams.embedding(upstreams.EMPTY),
            "below-zero-vectors": upstreams.embedding(upstreams.BELOW_ZERO),
        }
        urls = {name: stack.enter_context(upstream).url for name, upstream in (served | vectors).items()}
        house = stack.enter_context(housed(tmp_path_factory.mktemp("peers") / "data", GatewayLimits()))
        rooms = house.server.house
        rooms.pricing.set_price("*", _RATES, currency="USD")
        for name, url in urls.items():
            kinds = list(Kind) if name == "failing" else _VECTORS if name in vectors else _TEXTS
            rooms.catalogue.add(name, url=url, upstream="m", engine=name, kinds=kinds, context_tokens=10_000)
        until(lambda: {card.name for card in house.server.pool.cards} >= urls.keys())
        yield house


@pytest.fixture
def key(house: Housed) -> Asker:
    """Somebody without limits of their own."""
    return Asker(house)
