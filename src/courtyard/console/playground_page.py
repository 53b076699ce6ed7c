"""The privacy playground: what would be masked of a text. The text is in this request and nowhere else."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from courtyard.console.page import in_thread
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in
from courtyard.console.wall import READS, render_wall
from courtyard.core.errors import CourtyardError, InvalidRequest
from courtyard.privacy import Finding, Mode, repeated, unescaped

_LENGTH_MAX = 20_000


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the text, and what it was found to be."""

    text: str
    kind: str = ""
    sensitive: bool = False
    source: str = ""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What masking makes of a text."""

    spans: tuple[Span, ...]
    counts: dict[str, int]
    masked: str
    restored: str
    is_restored: bool


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [privacy, try_privacy]


@get("/wall/privacy")
async def privacy(request: Visit) -> Response[Any]:
    """Show an empty playground."""
    return _page(request, "", Mode.REVERSIBLE)


@post("/wall/privacy", status_code=200, opt=READS)
async def try_privacy(request: Visit) -> Response[Any]:
    """Mask a text and show it. Nothing is kept, and nothing of it is logged."""
    form = await request.form()
    text = str(form.get("text", "")).replace("\r\n", "\n")
    mode = Mode.IRREVERSIBLE if form.get("mode") == Mode.IRREVERSIBLE else Mode.REVERSIBLE
    try:
        if len(text) > _LENGTH_MAX:
            raise InvalidRequest(f"the playground takes {_LENGTH_MAX:,} characters; this text has {len(text):,}")
        return _page(request, text, mode, tried=await _tried(request, text, mode) if text.strip() else None)
    except CourtyardError as error:
        return _page(request, text[:_LENGTH_MAX], mode, problem=error)


async def _tried(request: Visit, text: str, mode: Mode) -> Tried:
    wall = rooms_of(request).wall
    found = await wall.detection.find_all([text])
    wide = sorted(repeated([text], found)[0], key=lambda finding: finding.start)
    organisation = signed_in(request).principal.organisation
    masked = await in_thread(wall.masking.mask_found, organisation, [text], [wide], mode)
    restored = masked.restore(masked.texts[0])
    return Tried(
        spans=tuple(_spans(text, wide)),
        counts=masked.counts,
        masked=masked.texts[0],
        restored=restored,
        is_restored=unescaped(restored) == unescaped(text),
    )


def _spans(text: str, found: Sequence[Finding]) -> list[Span]:
    """Cut a text at what was found in it."""
    spans, at = [], 0
    for finding in found:
        spans.append(Span(text=text[at : finding.start]))
        piece = text[finding.start : finding.end]
        spans.append(Span(text=piece, kind=finding.kind, sensitive=finding.sensitive, source=finding.source))
        at = finding.end
    spans.append(Span(text=text[at:]))
    return [span for span in spans if span.text]


def _page(
    request: Visit, text: str, mode: Mode, *, tried: Tried | None = None, problem: CourtyardError | None = None
) -> Response[Any]:
    return render_wall(
        request,
        "wall_privacy.html",
        problem=problem,
        text=text,
        mode=mode,
        modes=tuple(Mode),
        tried=tried,
        length_max=_LENGTH_MAX,
    )
