"""Sends an answer, whole or as it is made, and sees to it that whatever ends it is settled."""

import asyncio

import structlog
from msgspec.json import encode

from courtyard.core.chat import Finish
from courtyard.core.errors import CourtyardError, EngineTimeout
from courtyard.gateway.call import Call
from courtyard.gateway.model import Bill, Ground, Head, Source, Told
from courtyard.gateway.wire.asked import Asked, Writer
from courtyard.gateway.wire.replay import Replay
from courtyard.gateway.wire.sources import ground_of, sources_of
from courtyard.gateway.wire.usage import openai_usage
from courtyard.gateway.wire.whole import Whole
from courtyard.http import EVENT_STREAM, Send, TookTooLong, Watch, rate_headers
from courtyard.ledger import Outcome, Receipt
from courtyard.serving import Answer

_log = structlog.get_logger("courtyard.gateway")


class Answering:
    """One answer on its way to one client."""

    def __init__(self, call: Call, asked: Asked, answer: Answer, *, created_s: int) -> None:
        self._call = call
        self._asked = asked
        self._answer = answer
        self._head = Head(id=call.id, model=answer.model, created_s=created_s, sources=sources_of(answer.grounded))
        self._settled = False

    async def send(self, watch: Watch) -> None:
        """Send the answer in the form that was asked for, its end only once the receipt is durable."""
        self._answer.ended_by(lambda: error_of(watch.ended))
        await (self._stream(watch) if self._asked.request.stream else self._whole(watch))

    async def close(self) -> None:
        """End what has not ended: what was delivered is settled, and durable before the exchange is over."""
        answer = self._answer
        try:
            await answer.aclose()
            if not self._settled:
                await answer.settled()
        except CourtyardError as error:
            _log.error("receipt_not_written", request_id=self._call.id, reason=error.message)
        finally:
            self._call.receipt = answer.receipt

    async def _stream(self, watch: Watch) -> None:
        call, writer, send = self._call, self._asked.writer(self._head), watch.send
        async for delta in self._answer:
            # The delta before this one is delivered now. One turn of the loop lets the news of a hang-up in first,
            # so that a client is never charged for a piece that came after it had left.
            await asyncio.sleep(0)
            frame = writer.piece(delta)
            if call.writer is None:  # Until here a refusal was still a plain HTTP error.
                await self._begin(writer, send)
                call.first_sent()
                frame = writer.begin() + frame
            if frame:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        bill = await self._bill()
        if call.writer is None:
            await self._begin(writer, send)
            await send({"type": "http.response.body", "body": writer.begin(), "more_body": True})
        await send({"type": "http.response.body", "body": writer.end(bill)})

    async def _whole(self, watch: Watch) -> None:
        whole = Whole(self._asked.request.choices)
        async for delta in self._answer:
            whole.add(delta)
        bill = await self._bill()
        self._call.first_sent()
        body = self._asked.whole(self._head, whole, bill)
        await self._call.respond(200, body, self._headers(), send=watch.send)

    async def _begin(self, writer: Writer, send: Send) -> None:
        await self._call.begin(writer, [*EVENT_STREAM, *self._headers()], send=send)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        """Say what the limits have left, and that this was generated."""
        headers = [*rate_headers(self._answer.rates)]
        if (label := self._answer.label) is not None:
            headers.append((b"x-courtyard-label", label.header.encode("ascii")))
        return headers

    async def _bill(self) -> Bill:
        """Wait until the receipt is durable: only then may the client believe that it has the whole answer."""
        self._settled = True
        receipt = await self._answer.settled()
        label = self._answer.label
        return bill_of(
            receipt,
            ignored=self._asked.ignored,
            label=None if label is None else label.field,
            sources=self._head.sources,
            grounding=ground_of(self._answer.grounded),
        )


def error_of(ended: Exception | None) -> CourtyardError | None:
    """Say what ended an answer early, unless it was its client."""
    match ended:
        case TookTooLong(seconds=seconds):
            return EngineTimeout(f"the answer was not complete after {seconds:g} seconds; ask for fewer tokens")
        case CourtyardError():
            return ended
    return None


def bill_of(
    receipt: Receipt,
    *,
    ignored: tuple[str, ...] = (),
    label: dict[str, str | int | bool] | None = None,
    sources: tuple[Source, ...] = (),
    grounding: Ground | None = None,
) -> Bill:
    """Tell a caller what its receipt says."""
    told = Told(
        receipt=receipt.id,
        digest=receipt.digest,
        cost=receipt.cost,
        engine=receipt.engine,
        region=receipt.region,
        ignored=ignored,
        label=label,
        sources=sources,
        grounding=grounding,
    )
    finish = Finish.LENGTH if receipt.outcome == Outcome.CUT else Finish.STOP
    return Bill(usage=receipt.usage, told=told, finish=finish)


def receipt_of(receipt: Receipt) -> bytes:
    """Write what answers a request that was sent again."""
    return encode(
        Replay(
            id=receipt.id,
            model=receipt.model,
            outcome=receipt.outcome,
            usage=openai_usage(receipt.usage),
            courtyard=bill_of(receipt).told,
        )
    )
