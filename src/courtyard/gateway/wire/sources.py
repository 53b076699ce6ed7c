"""Citations in an answer, as each dialect writes them; and the field that asks for them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from msgspec import Meta
from msgspec.json import Decoder

from courtyard.gateway.model import Ground, Source, Way
from courtyard.gateway.wire.fields import Fields
from courtyard.knowledge import Citation, Grounded, Hit, citations

_NAME = Annotated[str, Meta(min_length=1, max_length=128)]
KNOWLEDGE = Decoder(Annotated[list[_NAME], Meta(max_length=64)] | None)


def take_knowledge(fields: Fields) -> tuple[str, ...]:
    """Take out the names of the collections that an answer is to come from."""
    return tuple(fields.take("knowledge", KNOWLEDGE) or ())


def sources_of(grounded: Grounded | None) -> tuple[Source, ...]:
    """Say what an answer may cite."""
    return () if grounded is None else tuple(_source(number, hit) for number, hit in enumerate(grounded.hits, 1))


def ground_of(grounded: Grounded | None) -> Ground | None:
    """Say how an answer came from documents; nothing where it did not."""
    if grounded is None:
        return None
    found = grounded.found
    return Ground(answered_by=grounded.how, question=grounded.question, graph=found.graph, why=found.why)


def url_citations(text: str, sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Write annotations of a chat's message: the only ones that chats know are of addresses."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": citation.start,
                "end_index": citation.end,
                "title": source.title,
                "url": source.url,
            },
        }
        for citation, source in _cited(text, sources)
    ]


def file_citations(text: str, sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Write annotations of a response's text, as its tool `file_search` gives them."""
    return [
        {
            "type": "file_citation",
            "file_id": source.document,
            "filename": source.name,
            "index": citation.start,
        }
        for citation, source in _cited(text, sources)
    ]


def search_results(text: str, sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Write citations of a message's text block, each source once."""
    cited = dict.fromkeys(source.number for _, source in _cited(text, sources))
    return [
        {
            "type": "search_result_location",
            "cited_text": source.text,
            "source": source.url,
            "title": source.title,
            "search_result_index": source.number - 1,
            "start_block_index": 0,
            "end_block_index": 1,
        }
        for source in (sources[number - 1] for number in cited)
    ]


def _cited(text: str, sources: Sequence[Source]) -> Iterator[tuple[Citation, Source]]:
    return ((citation, sources[citation.number - 1]) for citation in citations(text, len(sources)))


def _source(number: int, hit: Hit) -> Source:
    passage = hit.passage
    return Source(
        number=number,
        id=hit.id,
        collection=hit.collection,
        document=passage.document,
        name=hit.name,
        title=hit.title,
        heading=passage.heading,
        page=passage.page,
        text=passage.text,
        by_ocr=passage.by_ocr,
        path=tuple(Way(kind=step.kind, name=step.name, why=step.why) for step in hit.path),
    )
