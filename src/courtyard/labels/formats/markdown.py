"""Markdown and plain text: a mapping `AIGC` in the YAML front matter of the one, a line that people read in both."""

import json
from typing import Any

from courtyard.labels.formats.reading import Found, Unreadable, decoded
from courtyard.labels.front_matter import FENCE, parted
from courtyard.labels.rules import KEY

_INDENT = "  "
_DEPTH_MAX = 16


def is_text(data: bytes) -> bool:
    """Whether it is text in UTF-8 without control characters."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not any(letter < " " and letter not in "\t\n\r\f\v\x1b" for letter in text)


def find(data: bytes) -> Found:
    """Read every copy of the label in the front matter, and the lines that people see."""
    text = decoded(data, "utf-8-sig")
    front, body = _parted(text)
    return Found(copies=tuple(json.dumps(copy) for copy in _copies(front)), lines=tuple(body.splitlines()))


def put(data: bytes, text: str | None) -> bytes:
    """Write the label into the front matter in place of any, or in front of the text; `None` only takes it out."""
    source = decoded(data, "utf-8-sig")
    front, body = _parted(source)
    kept = _without(front)
    block = "" if text is None else _block(json.loads(text))
    if not kept.strip() and not block:
        return body.encode()
    return f"{FENCE}\n{block}{kept}{FENCE}\n{body}".encode()


def show_markdown(data: bytes, notice: str, _title: str) -> bytes:
    """Begin the text with the notice, as a quotation."""
    source = decoded(data, "utf-8-sig")
    front, body = _parted(source)
    head = f"{FENCE}\n{front}{FENCE}\n" if front or body != source else ""
    return f"{head}> {notice}\n\n{body.lstrip(chr(10))}".encode()


def show_text(data: bytes, notice: str, _title: str) -> bytes:
    """Begin the text with the notice."""
    return f"{notice}\n\n{decoded(data, 'utf-8-sig')}".encode()


def find_text(data: bytes) -> Found:
    """Read the lines that people see; plain text has no metadata."""
    return Found(lines=tuple(decoded(data, "utf-8-sig").splitlines()))


def _parted(text: str) -> tuple[str, str]:
    try:
        return parted(text)
    except ValueError as error:
        raise Unreadable(str(error)) from error


def _copies(front: str) -> list[Any]:
    return [_built(value) for name, value in _entries(front) if _is_mine(name)]


def _entries(front: str) -> list[tuple[Any, Any]]:
    """Read the mapping of the front matter as nodes: a name that stands there twice is there twice."""
    import yaml  # noqa: PLC0415 - A server need not load it.

    try:
        _check_plain(front)
        node = yaml.compose(front, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Unreadable("the front matter is no YAML") from error
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise Unreadable("the front matter is no mapping")
    return list(node.value)


def _check_plain(front: str) -> None:
    """Refuse aliases, and what is so deep that reading it takes long."""
    import yaml  # noqa: PLC0415 - A server need not load it.

    depth = 0
    for event in yaml.parse(front, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH_MAX or isinstance(event, yaml.AliasEvent):
            raise Unreadable("the front matter has aliases, or is too deep")


def _is_mine(name: Any) -> bool:
    return isinstance(name.value, str) and name.value.upper() == KEY


def _built(node: Any) -> Any:
    """Take a mapping of scalars as it is written; a number that isn't quoted is a number."""
    import yaml  # noqa: PLC0415 - A server need not load it.

    if isinstance(node, yaml.ScalarNode):
        try:
            return json.loads(node.value)  # Some write the JSON itself.
        except (ValueError, RecursionError):
            return node.value
    if not isinstance(node, yaml.MappingNode):
        return None
    built: dict[str, Any] = {}
    for name, value in node.value:
        if not isinstance(name, yaml.ScalarNode) or name.value in built:
            raise Unreadable("the label in the front matter has a field twice")
        is_text = isinstance(value, yaml.ScalarNode) and value.tag == "tag:yaml.org,2002:str"
        built[name.value] = value.value if is_text else None
    return built


def _without(front: str) -> str:
    """Cut the label out, and leave every other line as it was written."""
    entries = _entries(front)
    spans = []
    for at, (name, _) in enumerate(entries):
        if _is_mine(name):
            start = front.rfind("\n", 0, name.start_mark.index) + 1
            end = entries[at + 1][0].start_mark.index if at + 1 < len(entries) else len(front)
            spans.append((start, end))
    if spans and front.lstrip().startswith("{"):
        raise Unreadable("the front matter is written in braces; write it in lines")
    for start, end in reversed(spans):
        front = front[:start] + front[end:]
    return front if not front or front.endswith("\n") else front + "\n"


def _block(fields: dict[str, str]) -> str:
    """Write the label in YAML, every value quoted."""
    lines = [f"{_INDENT}{name}: {json.dumps(value)}\n" for name, value in fields.items()]
    return f"{KEY}:\n{''.join(lines)}"
