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


class Way(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step from the question to a passage."""

    kind: str
    name: str
    why: str = ""


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A passage that an answer may cite as `[number]`."""

    number: int
    id: str
    """`collection/document/passage`: what the `read` tool of `/mcp` takes."""
    collection: str
    document: str
    name: str
    """The document's path or address."""
    title: str
    heading: str = ""
    page: int
    text: str
    by_ocr: bool = False
    """Whether it was read off a picture, and may have mistakes."""
    path: tuple[Way, ...] = ()
    """How it was found."""

    @property
    def url(self) -> str:
        """Name the passage where an address is asked for."""
        return f"courtyard:knowledge/{self.id}"


class Ground(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an answer came from documents."""

    answered_by: str
    """`model`; `quotes`, where the best sentences are quoted; `nothing`, where nothing was found."""
    question: str
    """What was searched for: a follow-up with the words of what was said before."""
    graph: bool = False
    """Whether the graph took part in the search."""
    why: str = ""
    """Why it did not."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every piece of one answer repeats."""

    id: RequestId
    model: str
    created_s: int
    sources: tuple[Source, ...] = ()
    """What it may cite."""

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
    sources: tuple[Source, ...] = ()
    """The passages that it was to be answered from, where the request named collections."""
    grounding: Ground | None = None


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer ended: what it used, as its receipt has it."""

    usage: Usage
    told: Told
    finish: Finish = Finish.STOP
    """Why choices ended whose engine did not say."""
