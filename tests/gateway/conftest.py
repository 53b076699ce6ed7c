"""What the wire tests share: a body read as its door reads it, and a bill."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from courtyard.core.amount import Amount, money
from courtyard.core.ids import RequestId
from courtyard.core.usage import Usage
from courtyard.gateway.model import Bill, GatewayLimits, Head, Told
from courtyard.gateway.wire.asked import Incoming
from courtyard.gateway.wire.fields import Fields

Incomer = Callable[..., Incoming]


@pytest.fixture
def incoming() -> Incomer:
    """Make what a door reads, from the fields of a body."""

    def make(limits: GatewayLimits | None = None, **fields: Any) -> Incoming:
        return Incoming(
            id=RequestId("req_01ab"), fields=Fields.of(msgspec.json.encode(fields)), limits=limits or GatewayLimits()
        )

    return make


@pytest.fixture
def head() -> Head:
    return Head(id=RequestId("req_01ab"), model="small", created_s=1_700_000_000)


@pytest.fixture
def bill() -> Bill:
    told = Told(receipt="req_01ab", digest="d1", cost=Amount(1234, money("USD")), engine="echo", region="home")
    return Bill(usage=Usage(input=7, cached_input=3, output=5, reasoning=2), told=told)
