"""Whether the graph may order passages: only where documents name one another, and the question names something."""

DENSITY_MIN = 0.05
"""Links to other documents a passage, on average: with fewer, a walk over the graph leads nowhere."""
_FEW = 20
"""Fewer passages than this are read whole; who names whom says little."""


def closed(*, passages: int, density: float, linked: int) -> str:
    """Say why the graph takes no part, in words for a person; nothing where it does."""
    if passages < _FEW:
        return f"the collection has {passages} passages, too few for their links to say anything"
    if density < DENSITY_MIN:
        return (
            f"its documents hardly name one another: {density:.2f} links a passage, and the graph needs {DENSITY_MIN}"
        )
    if not linked:
        return "the question names nothing that the collection's documents name"
    return ""
