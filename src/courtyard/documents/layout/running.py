"""Headers and footers: what stands at the same place of page after page."""

import re
from collections import defaultdict
from collections.abc import Sequence

from courtyard.documents.layout.page import Page
from courtyard.documents.layout.segments import Segment

_MARGIN = 0.12
_NEAR = 0.015
_SHARE = 0.3
_NUMBER = re.compile(r"[0-9]+")


def without_running(pages: Sequence[Page]) -> None:
    """Take away headers, footers and page numbers that are repeated; on a single page nothing is."""
    places: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    for page in pages:
        for segment in page.segments:
            if (place := _place(segment, page)) is not None:
                places[_key(segment)].append((page.number, place))
    enough = max(2, _SHARE * len(pages))
    for page in pages:
        page.segments = [
            segment
            for segment in page.segments
            if (place := _place(segment, page)) is None or _pages_at(places[_key(segment)], place) < enough
        ]


def _place(segment: Segment, page: Page) -> float | None:
    """Return how far down a segment stands, where that is in a margin."""
    place = segment.middle / page.height
    return place if segment.table is None and not _MARGIN <= place <= 1 - _MARGIN else None


def _key(segment: Segment) -> str:
    return _NUMBER.sub("#", " ".join(segment.text.split()))


def _pages_at(places: Sequence[tuple[int, float]], place: float) -> int:
    return len({number for number, other in places if abs(other - place) <= _NEAR})
