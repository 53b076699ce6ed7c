"""Graphs as documents: statements become a table, and things are called by their labels."""

import pytest

from courtyard.documents import Documents, Reading, Unreadable
from courtyard.knowledge.table_rows import pieces

_TURTLE = """
@prefix ex: <http://example.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
ex:aspirin rdfs:label "Aspirin"@en ; skos:altLabel "acetylsalicylic acid"@en ;
    ex:treats ex:Head_ache , [ ex:dose 500 ] .
ex:treats rdfs:label "treats"@en .
<http://example.org/%E5%A4%B4%E7%97%9B> ex:sameAs ex:Head_ache .
"""
_STATED = [
    ("Aspirin", "altLabel", "acetylsalicylic acid"),
    ("Aspirin", "treats", "Head ache"),
    ("(1)", "dose", "500"),
    ("Aspirin", "treats", "(1)"),
    ("头痛", "sameAs", "Head ache"),
]


def _rows(reading: Reading) -> list[tuple[str, ...]]:
    return [row for block in reading.blocks if block.table is not None for row in block.table.rows]


def test_statements_are_read_and_things_called_by_their_labels(documents: Documents) -> None:
    """What has no label is called by how its address ends; what has no address has a number, always the same."""
    reading = documents.read("drugs.ttl", _TURTLE.encode())

    assert sorted(_rows(reading)) == sorted(_STATED)
    assert reading.media_type == "text/turtle"


def test_n_triples_are_read(documents: Documents) -> None:
    """Line by line, as exports of large graphs are."""
    lines = "".join(f"<http://e/a{n}> <http://e/next> <http://e/a{n + 1}> .\n" for n in range(50))
    rows = _rows(documents.read("chain.nt", lines.encode()))

    assert rows[0] == ("a0", "next", "a1")
    assert len(rows) == 50


def test_what_is_no_turtle_is_refused_with_the_line(documents: Documents) -> None:
    """Whoever sent it learns where it is wrong."""
    with pytest.raises(Unreadable, match="line 2"):
        documents.read("bad.ttl", b"<http://e/a> <http://e/b> 1 .\n<http://e/a> nonsense\n")


def test_signs_that_no_database_keeps_are_left_out(documents: Documents) -> None:
    """Neither a value nor a reason has a zero in it."""
    rows = _rows(documents.read("odd.nt", b'<http://e/a> <http://e/b> "x\\u0000y" .\n'))

    assert "\0" not in rows[0][2]
    with pytest.raises(Unreadable) as refused:
        documents.read("odd.ttl", b"\x00\xff\xfe" * 100)
    assert refused.value.message.isprintable()


def test_a_passage_says_all_of_one_thing(documents: Documents) -> None:
    """It stands under the thing's name and names what it is joined to, other names among them."""
    [block] = documents.read("drugs.ttl", _TURTLE.encode()).blocks
    assert block.table is not None
    [aspirin] = [piece for piece in pieces(block.table) if piece.heading == "Aspirin"]

    assert aspirin.text == "Aspirin\naltLabel: acetylsalicylic acid\ntreats: Head ache\ntreats: (1)"
    assert aspirin.names == ("Aspirin", "acetylsalicylic acid", "Head ache")
