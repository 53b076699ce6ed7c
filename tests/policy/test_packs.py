"""A pack that is not whole, not well-formed or does not do what it says is no pack."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from courtyard.policy import (
    ENVELOPE,
    PackRefused,
    checked,
    read_archive,
    read_files,
    shipped,
    shipped_files,
    write_archive,
)
from tests.policy.packing import HEAD, SMALL, VECTORS, small, vector

_FIGURE = "shape: number, value: 10, says: a, source: b, article: c, checked_on: 2026-11-01, confidence: high"
_OVER = HEAD.format(id="over") + "forbid (principal, action, resource) when { %s };"


@pytest.mark.parametrize("name", shipped())
def test_the_examples_load(name: str) -> None:
    """Each is marked as no legal advice, each figure says where it comes from, and what is not sure says so."""
    pack = checked(shipped_files(name))

    assert "not legal advice" in pack.manifest.notice
    assert all(one.source and one.article and one.checked_on for one in pack.parameters)
    assert all(one.note or one.confidence != "low" for one in pack.parameters)
    assert {rule.id for rule in pack.rules} == {one.rule for one in pack.vectors}


def test_an_archive_holds_what_its_directory_does(tmp_path: Path) -> None:
    """The digest is of the files, however they came; the archive is the same bytes each time."""
    files = shipped_files("eu-2026")
    archive = tmp_path / "eu.zip"
    archive.write_bytes(write_archive(files))

    assert read_files(archive) == files
    assert write_archive(read_archive(archive.read_bytes())) == archive.read_bytes()
    assert checked(read_files(archive)).digest == checked(files).digest


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"vectors_jsonl": ""}, "no vectors.jsonl"),
        ({"manifest_yaml": "name: small\n"}, r"manifest.yaml: .*version is missing"),
        ({"parameters_yaml": f"a: {{{_FIGURE}, unit: x, colour: red}}"}, "parameters.yaml: .*no such name"),
        ({"parameters_yaml": "a: {shape: number, value: 10}"}, "says where it comes from"),
        ({"parameters_yaml": f"persons_max: {{{_FIGURE.replace('10', 'ten')}}}"}, "no whole number"),
        ({"parameters_yaml": f"persons_max: {{{_FIGURE.replace('high', 'sure')}}}"}, "confidence is high, medium"),
        ({"parameters_yaml": f"other: {{{_FIGURE}}}"}, "enough: .*persons_max"),
        ({"obligations_yaml": "mask-it: {name: mask, value: a bit, article: a, says: b}"}, "mask is 'reversible' or"),
        ({"obligations_yaml": "mask-it: {name: label, value: cn, article: a, says: b}"}, "label is unknown, not 'cn'"),
        ({"obligations_yaml": "other: {name: mask, value: reversible, article: a, says: b}"}, "asks for 'mask-it'"),
        ({"policies_cedar": "permit (principal, action, resource);"}, r"policy0 has no @id"),
        ({"policies_cedar": SMALL.replace('@article("art. 2")', "")}, r"enough has no @article"),
        ({"policies_cedar": SMALL.replace('@id("enough")', '@id("home-serves")')}, "two rules are called"),
        ({"policies_cedar": SMALL.replace("context.tier", "context.tire")}, "home-serves: .*tire"),
        ({"policies_cedar": SMALL.replace('"home" }', "1 }")}, "home-serves: "),
        ({"policies_cedar": SMALL.replace('unless { context.duties.contains("mask-it") }', "")}, "a clause of its own"),
        ({"policies_cedar": SMALL.replace(' @obligation("mask-it")', "")}, "a clause of its own"),
        ({"policies_cedar": SMALL.replace("permit (principal", "permit (principal == ?principal")}, "templates"),
        ({"policies_cedar": "permit (principal"}, "can't be read"),
        ({"vectors_jsonl": VECTORS.replace('"deny"', '"pass"', 1)}, "'home-serves' has no vector that denies"),
        ({"vectors_jsonl": VECTORS.replace('"enough", "says": "it is so", "facts": {"persons": 10}', '"e"')}, "line 3"),
        ({"vectors_jsonl": VECTORS + vector("enough", "deny", persons=9)}, "line 5 .*expected deny, and it is pass"),
        ({"vectors_jsonl": VECTORS + vector("enough", "rewrite", persons=10, tier="foreign")}, "it is deny by no rule"),
        (
            {"vectors_jsonl": VECTORS + vector("home-serves", "deny", persons=10, duties=[])},
            "no rule may be against it",
        ),
        ({"vectors_jsonl": VECTORS + vector("home-serves", "pass", obligations=["mask-it"])}, "it asks for nothing"),
        ({"vectors_jsonl": VECTORS + vector("other", "pass")}, "no rule 'other'"),
        ({"vectors_jsonl": VECTORS + vector("enough", "pass", colour="red")}, "no fact 'colour'"),
        ({"vectors_jsonl": "[" * 100_000}, "line 1"),
    ],
)
def test_a_pack_that_is_wrong_does_not_load(changes: dict[str, str], says: str) -> None:
    """And says what is wrong, and where."""
    checked(small())

    with pytest.raises(PackRefused, match=says):
        checked(small(**changes))


def test_a_rule_without_both_vectors_does_not_load() -> None:
    """One that allows alone proves nothing of a forbid."""
    files = small(
        policies_cedar=SMALL + _OVER % "context.persons > 100",
        vectors_jsonl=VECTORS + vector("over", "pass", persons=1),
    )

    with pytest.raises(PackRefused, match="rule 'over' has no vector that denies"):
        checked(files)
    files["vectors.jsonl"] += vector("over", "deny", persons=101).encode()
    assert checked(files).rules[2].id == "over"


def test_nothing_but_a_packs_files_is_read(tmp_path: Path) -> None:
    """No link, no other name, no path that leads out, no file too large, none twice; nothing is unpacked."""
    plain = tmp_path / "pack"
    plain.mkdir()
    for name, content in small().items():
        (plain / name).write_bytes(content)
    assert read_files(plain) == small()

    (plain / "readme.txt").write_text("hello")
    with pytest.raises(PackRefused, match=r"'readme\.txt' is no part of a pack"):
        read_files(plain)
    os.remove(plain / "readme.txt")
    os.remove(plain / "taxonomy.yaml")
    os.symlink("/etc/hostname", plain / "taxonomy.yaml")
    with pytest.raises(PackRefused, match="no plain file"):
        read_files(plain)
    with pytest.raises(PackRefused, match="can't be read"):
        read_files(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name", ["../manifest.yaml", "/etc/hostname", "labels/../../x.yaml", "labels/a/b.yaml", "a.py"]
)
def test_an_archive_leads_nowhere(name: str) -> None:
    """Names outside the format are refused, whatever they would lead to."""
    with pytest.raises(PackRefused, match="no part of a pack"):
        read_archive(_zip({name: b"x"}))


def test_an_archive_that_grows_is_refused() -> None:
    """A small file that becomes a large one is read no further than the bound; what is no archive is none."""
    with pytest.raises(PackRefused, match=r"too large at vectors\.jsonl"):
        read_archive(_zip({"vectors.jsonl": b" " * (2 << 20)}))
    with pytest.raises(PackRefused, match="no pack archive"):
        read_archive(b"PK\x03\x04 and no more")


def test_a_signature_stands_beside_what_it_signs() -> None:
    """Adding one does not change the digest, and it is JSON that other tools read."""
    files = small()
    digest = checked(files).digest

    files[ENVELOPE] = json.dumps({}).encode()

    assert checked(files).digest == digest


def _zip(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()
