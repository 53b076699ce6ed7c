"""Files that nobody trusts: whatever their bytes are, there is an answer, and soon."""

import io
import struct
import time
import zipfile
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courtyard.core.errors import Conflict, InvalidRequest
from courtyard.labels import marking
from courtyard.labels.credentials import Signer
from courtyard.labels.formats import Unreadable, mp4, png, riff, xmp
from courtyard.labels.formats.archive import Archive
from courtyard.labels.formats.markup import scan
from courtyard.labels.model import Profile, Verdict
from tests.labels import samples
from tests.labels.conftest import wanted

ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
NAMES = sorted(samples.files())
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

changes = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 12),
        st.one_of(st.binary(max_size=6), st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1", b"AIGC"])),
    ),
    max_size=6,
)
"""Where, how much goes, and what comes in its place."""


def changed(data: bytes, spans: list[tuple[float, int, bytes]]) -> bytes:
    for share, gone, put in spans:
        at = int(share * len(data))
        data = data[:at] + put + data[at + gone :]
    return data


def bare(name: str, signer: Signer) -> bytes:
    return marking.add(samples.files()[name], name, signer, wanted(visible=False, credentials=name == "a.jpeg")).data


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_changed_there_is_an_answer(name: str, signer: Signer) -> None:
    """One of four verdicts; a label goes into what is left of the file, once, or a refusal says why not."""
    labelled = bare(name, signer)

    @quick
    @given(changes, st.booleans())
    def look(spans: list[tuple[float, int, bytes]], labelled_before: bool) -> None:
        data = changed(labelled if labelled_before else samples.files()[name], spans)
        checked = marking.check(data, name, signer, Profile.NEUTRAL)
        try:
            made = marking.add(data, name, signer, wanted(visible=False, credentials=False, replace=True)).data
        except (InvalidRequest, Conflict):
            made = samples.files()[name]
        after = marking.check(made, name, signer, Profile.CN)

        assert checked.verdict in Verdict
        assert after.verdict is not Verdict.NON_COMPLIANT
        assert len(after.labels) <= 1

    look()


@quick
@given(st.lists(st.tuples(st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"IDAT"]), st.binary(max_size=80))))
def test_chunks_of_a_png_may_hold_anything(chunks: list[tuple[bytes, bytes]]) -> None:
    """Checksums are right here, so that what is inside is reached."""
    named = [(kind, body if len(body) % 2 else b"AIGC\0" + body) for kind, body in chunks]
    _try(png.find, png.SIGNATURE + b"".join(png._packed(kind, body) for kind, body in [*named, (b"IEND", b"")]))


@quick
@given(st.lists(st.tuples(st.sampled_from([b"XMP ", b"EXIF", b"AIGC", b"_PMX", b"VP8X"]), st.binary(max_size=80))))
def test_chunks_of_riff_may_hold_anything(chunks: list[tuple[bytes, bytes]]) -> None:
    """In a picture and in a sound."""
    _try(riff.find_webp, riff._packed(b"WEBP", chunks))
    _try(riff.find_wav, riff._packed(b"WAVE", chunks))


@quick
@given(st.recursive(
    st.tuples(st.sampled_from([b"ilst", b"keys", b"data", b"----", b"name", b"uuid", b"stco"]), st.binary(max_size=40)),
    lambda inner: st.tuples(st.sampled_from([b"moov", b"udta", b"meta", b"trak"]), st.lists(inner, max_size=4)),
    max_leaves=12,
))  # fmt: skip
def test_boxes_of_a_film_may_hold_anything(tree: tuple[bytes, Any]) -> None:
    """In any order and inside each other."""

    def packed(box: tuple[bytes, Any]) -> bytes:
        kind, inside = box
        return mp4._packed(kind, inside if isinstance(inside, bytes) else b"".join(packed(one) for one in inside))

    _try(mp4.find, b"\0\0\0\x10ftypisom\0\0\0\0" + packed(tree))


@quick
@given(st.text(st.sampled_from("<>/=\"' aAIGC:TC260rdf&;xmlns-!?[]"), max_size=120))
def test_markup_may_be_anything(text: str) -> None:
    """A packet is XML that can be trusted, or it is not read."""
    _try(xmp.find, text.encode())
    _try(lambda data: xmp.put(data, "{}"), text.encode())


def _try(read: Any, data: bytes) -> None:
    with suppress(Unreadable):
        read(data)


@pytest.mark.parametrize(
    "document",
    [
        ENTITIES,
        ENTITIES.replace(b'"aaaaaaaaaa"', b'SYSTEM "file:///etc/passwd"'),
        b'<?xml version="1.0" encoding="utf-16"?><x/>',
        "<x/>".encode("utf-16"),
        b"<x>" * 2000,
        b"<x>",
        b"",
    ],
)
def test_no_entity_is_ever_read(document: bytes) -> None:
    """No document type, no other encoding, nothing deeper than it may be."""
    with pytest.raises(Unreadable):
        scan(document, "x")


def test_entities_in_a_file_make_it_inconclusive(signer: Signer) -> None:
    """In the XMP of a picture, and in a part of a document."""
    picture = png.SIGNATURE + b"".join(
        png._packed(kind, body)
        for kind, body in (
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + ENTITIES),
            (b"IEND", b""),
        )
    )
    document = Archive(samples.document()).written({"docProps/custom.xml": ENTITIES})

    for name, data in (("a.png", picture), ("a.docx", document)):
        checked = marking.check(data, name, signer, Profile.CN)
        assert (checked.verdict, checked.reason) == (Verdict.INCONCLUSIVE, "a part in XML declares a document type")


def test_bombs_do_not_go_off(signer: Signer) -> None:
    """Metadata that unpacks to too much is inconclusive within a second; so is an archive that says so, or lies."""
    zeros = bytes(66 * 1024 * 1024)
    chunk = png._packed(b"zTXt", b"AIGC\0\0" + zlib.compress(zeros))
    picture = png.SIGNATURE + chunk + png._packed(b"IEND", b"")
    large = samples.zipped({"word/document.xml": zeros, "[Content_Types].xml": b"<x/>"})
    lying = large.replace(struct.pack("<I", len(zeros)), struct.pack("<I", 100))
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as out:
        out.writestr("word/document.xml", b"<x/>")
        out.writestr("WORD/document.xml", b"<x/>")
    begun = time.monotonic()
    found = [
        marking.check(data, "a.docx", signer, Profile.CN).verdict for data in (picture, large, lying, twice.getvalue())
    ]

    assert set(found) == {Verdict.INCONCLUSIVE}
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "front",
    [
        "a: &a [x]\nb: [*a, *a]\n",
        "[" * 3000 + "\n",
        "- " * 5000 + "\n",
        "{a: " * 3000 + "\n",
        "AIGC: !!python/object/apply:os.system [ls]\n",
        "- AIGC\n",
        "AIGC:\n  Label: '1'\n  Label: '1'\n",
        "AIGC: [\n",
    ],
)
def test_front_matter_is_taken_apart_with_care(front: str, signer: Signer) -> None:
    """No alias, no object, no field twice."""
    checked = marking.check(f"---\n{front}---\ntext\n".encode(), "a.md", signer, Profile.CN)

    assert checked.verdict is Verdict.INCONCLUSIVE


def test_a_signed_document_is_left_alone(signer: Signer) -> None:
    """A label would break its signature; it says so."""
    signed = Archive(samples.document()).written({"_xmlsignatures/sig1.xml": b"<x/>"})
    with pytest.raises(InvalidRequest, match="signed"):
        marking.add(signed, "a.docx", signer, wanted())
