"""Passages as a search would have found them."""

from courtyard.knowledge import Found, Hit, Passage, Step


def hit(text: str, *, title: str = "Handbook", page: int = 1, number: int = 1, kind: str = "text", **more: str) -> Hit:
    """A passage of a document that is named after its title."""
    name = f"{title.lower()}.md"
    return Hit(
        passage=Passage(document=f"doc_{title.lower()}", number=number, text=text, page=page, kind=kind, **more),
        collection="handbook",
        title=title,
        name=name,
        score=1.0,
        path=(Step(kind="question", name="?"), Step(kind="passage", name=title, why="words")),
        sha256=f"{len(title):064x}",
    )


def found(*hits: Hit, question: str = "?", supported: float = 1.0) -> Found:
    """What a search gives."""
    return Found(question=question, hits=hits, graph=False, why="documents do not name each other", supported=supported)
