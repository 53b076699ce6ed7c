"""What the doors know of an exchange before and after its answer."""

from typing import Any

import msgspec

from courtyard.core.amount import Amount
from courtyard.core.chat import Finish
from courtyard.core.ids import RequestId
from courtyard.core.usage import Usage


class GatewayLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What the doors bear. Whatever is over a limit is refused at once; nothing is queued."""

    body_bytes_max: int = 32 * 1024 * 1024
    bodies_bytes_max: int = 256 * 1024 * 1024
    """All bodies in memory together."""
    body_s_max: float = 60.0
    """How long a body may take to come in."""
    messages_max: int = 2048
    inputs_max: int = 2048
    """Texts in one embeddings request, prompts in one completions request."""
    choices_max: int = 16
    in_flight_max: int = 512
    request_s_max: float = 600.0
    send_stall_s_max: float = 60.0
    """How long a client may read nothing before it counts as gone."""
    retry_after_s: int = 1


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every piece of one answer repeats."""

    id: RequestId
    model: str
    created_s: int

    def name(self, prefix: str) -> str:
        """Make the answer's id in a dialect, with the request's digits: `req_01ab` answers as `chatcmpl-01ab`."""
        return prefix + self.id.removeprefix("req_")


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands in every answer under `courtyard`: where it ran, what it cost, and the receipt that proves it."""

    receipt: str
    digest: str
    """The receipt's digest: whoever keeps it can tell later whether the receipt was changed."""
    cost: Amount
    engine: str | None
    region: str | None
    ignored: tuple[str, ...] = ()
    """Fields of the request that had no effect here."""
    label: dict[str, Any] | None = None
    """What says, for machines, that this was generated: as in the header `X-Courtyard-Label`."""


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer ended: what it used, as its receipt has it."""

    usage: Usage
    told: Told
    finish: Finish = Finish.STOP
    """Why choices ended whose engine did not say."""
