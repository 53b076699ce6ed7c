"""Graphs as text: Turtle, and N-Triples, which is a part of it. Statements become one table."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from urllib.parse import unquote

from courtyard.documents.desk import Desk
from courtyard.documents.model import Unreadable
from courtyard.documents.reader import Draft
from courtyard.documents.tables import blocks_of

if TYPE_CHECKING:
    from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

HEADER = ("subject", "relation", "object")
_STATEMENTS_MAX = 200_000
_VALUE_MAX = 2_000
_REASON_MAX = 300
_LATE_EVERY = 1_000
_LAST = re.compile(r"[^/#:]*$")
_LABELS = frozenset(
    (
        "http://www.w3.org/2000/01/rdf-schema#label",
        "http://www.w3.org/2004/02/skos/core#prefLabel",
        "http://xmlns.com/foaf/0.1/name",
        "http://purl.org/dc/terms/title",
        "http://purl.org/dc/elements/1.1/title",
        "http://schema.org/name",
        "https://schema.org/name",
    )
)
"""What says how something is called."""


class _Statement(NamedTuple):
    subject: str
    relation: str
    value: str
    is_literal: bool


class RdfReader:
    """Reads statements, and says things by their labels, else by how their addresses end."""

    name = "rdf"
    media_types = frozenset({"text/turtle", "application/n-triples", "application/x-turtle"})
    suffixes: ClassVar = {".ttl": "text/turtle", ".nt": "application/n-triples"}

    def read(self, content: bytes, desk: Desk) -> Draft:
        """Read all statements.

        Raises:
            Unreadable: a statement is not written as Turtle asks.
        """
        statements = list(_statements(content, desk))
        labels: dict[str, str] = {}
        for each in statements:
            if each.relation in _LABELS and each.is_literal:
                labels.setdefault(each.subject, each.value)
        rows = [
            (_said(each.subject, labels), _said(each.relation, labels), _value(each, labels))
            for each in statements
            if not (each.relation in _LABELS and each.value == labels.get(each.subject))
        ]
        return Draft(blocks=blocks_of([HEADER, *rows]) if rows else [])


def _statements(content: bytes, desk: Desk) -> Iterator[_Statement]:
    import pyoxigraph  # noqa: PLC0415 - Only who reads a graph loads it.

    blanks: dict[str, str] = {}
    try:
        for number, quad in enumerate(pyoxigraph.parse(content, format=pyoxigraph.RdfFormat.TURTLE)):
            if number >= _STATEMENTS_MAX or (number % _LATE_EVERY == 0 and desk.is_late):
                desk.warn(f"only the first {number:,} statements were read; split the file")
                return
            yield _statement(quad, blanks)
    except (SyntaxError, ValueError) as error:
        said = "".join(filter(str.isprintable, str(error)))[:_REASON_MAX]
        raise Unreadable(f"it is not Turtle or N-Triples: {said}") from error


def _statement(quad: "Quad", blanks: dict[str, str]) -> _Statement:
    return _Statement(
        subject=_term(quad.subject, blanks),
        relation=_term(quad.predicate, blanks),
        value=_term(quad.object, blanks),
        is_literal=hasattr(quad.object, "datatype"),
    )


def _term(term: "NamedNode | BlankNode | Literal | Triple", blanks: dict[str, str]) -> str:
    """Return a term as text; what has no name gets a number, the same whenever the file is read."""
    value = str(getattr(term, "value", term))
    if type(term).__name__ == "BlankNode":
        return blanks.setdefault(value, f"({len(blanks) + 1})")
    return value[:_VALUE_MAX]


def _said(address: str, labels: dict[str, str]) -> str:
    last = _LAST.search(address.rstrip("/#"))
    return labels.get(address) or unquote(last[0] if last else "").replace("_", " ").strip() or address


def _value(statement: _Statement, labels: dict[str, str]) -> str:
    return statement.value if statement.is_literal else _said(statement.value, labels)
