"""Front matter: what stands between two lines of dashes at the beginning of a text."""

FENCE = "---"
_LENGTH_MAX = 16 * 1024


def parted(text: str) -> tuple[str, str]:
    """Split front matter from what follows; there may be none.

    Raises:
        ValueError: it has a beginning and, for long, no end.
    """
    lines = text[: _LENGTH_MAX + 8].splitlines(keepends=True)
    if not lines or lines[0].rstrip() != FENCE:
        return "", text
    at = len(lines[0])
    for line in lines[1:]:
        if line.rstrip() in (FENCE, "..."):
            return text[len(lines[0]) : at], text[at + len(line) :]
        at += len(line)
    if len(text) > _LENGTH_MAX:
        raise ValueError("the front matter is too long")
    return "", text


def body_of(text: str) -> str:
    """Return a text without its front matter."""
    try:
        return parted(text)[1]
    except ValueError:
        return text
