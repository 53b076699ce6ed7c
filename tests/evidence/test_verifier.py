"""The verifier under attack: whatever byte of a pack, a proof or a log is changed is found, and the entry named."""

import ast
import base64
import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from courtyard.core.clock import FrozenClock
from courtyard.evidence import Decision, Evidence, Filter, SealedReceipt, verifier, write_proof
from courtyard.evidence.packing import Packer
from courtyard.evidence.verifier import Unreadable, Verdict, verify
from courtyard.storage import Committer, Keyring, chain
from tests.evidence.records import BEGUN_MS, record, seal

ENTRY = '{"id":"req_2","cost":{"count":7,"unit":"nano:USD"}}'
RECEIPT = SealedReceipt(ENTRY, "0" * 64, chain.digest("0" * 64, ENTRY.encode()))


class House:
    """A house whose record is whole: its pack, a proof, its log, and the keys to check them with."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        committer, keyring = Committer(), Keyring(directory / "keys")
        evidence = Evidence(directory / "evidence", keyring, committer, FrozenClock())
        evidence.open()
        foreign = {"provider": "far", "tier": "foreign", "classes": {"person": 2}, "masked": 2, "decisions": ("r1",)}
        seal(
            evidence,
            record(0),
            record(1, decision=Decision.DENIED, rule="residency"),
            record(2, receipt=RECEIPT.digest),
        )
        seal(evidence, record(3, **foreign), *(record(number) for number in range(4, 12)))
        self.pack, self.proof, self.log = directory / "pack.zip", directory / "p.tlog-proof", directory / "evidence"
        with self.pack.open("w+b") as file:
            asked = Filter(since_ms=BEGUN_MS + 1, until_ms=BEGUN_MS + 11)
            receipts = {"req_2": RECEIPT}.get
            evidence.pack(file, asked, manifest={"kind": "records", "id": "pack_1"}, receipts=receipts)
        self.proof.write_bytes(write_proof(evidence.prove("req_3")))
        self.log_key = evidence.checkpoint()[0].key
        evidence.close()
        committer.close()
        self.operator = keyring.signing_key("operator")
        self.key = self.operator.public_key().public_bytes_raw().hex()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"))


def told(verdict: Verdict) -> str:
    return "\n".join(f"{problem.where}: {problem.what}" for problem in verdict.problems)


def members(data: bytes) -> dict[str, bytes]:
    """Take a pack apart, as any ZIP program does."""
    found, at = {}, 0
    while data[at : at + 4] == b"PK\x03\x04":
        size, length = struct.unpack("<I", data[at + 22 : at + 26])[0], struct.unpack("<H", data[at + 26 : at + 28])[0]
        found[data[at + 30 : at + 30 + length].decode()] = data[at + 30 + length : at + 30 + length + size]
        at += 30 + length + size
    return found


def packed(content: dict[str, bytes], path: Path) -> Path:
    """Put a pack together again."""
    with path.open("w+b") as file:
        packer = Packer(file)
        for name, data in content.items():
            packer.add(name, [data])
        packer.end()
    return path


def signed_again(house: House, content: dict[str, bytes]) -> dict[str, bytes]:
    """Sign what was changed, as an operator who lies would."""
    manifest = json.loads(content["manifest.json"])
    for name in manifest["files"]:
        manifest["files"][name] = {"bytes": len(content[name]), "sha256": sha256(content[name]).hexdigest()}
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    signature = house.operator.sign(b"courtyard-evidence/1\n" + text).hex().encode()
    return {**content, "manifest.json": text, "manifest.sig": signature}


def test_what_is_whole_is_right(house: House):
    """A pack, a proof and a log, each by its key."""
    pack, proof, log = (
        verify(house.pack, house.key),
        verify(house.proof, house.log_key),
        verify(house.log, house.log_key),
    )

    assert (pack.what, pack.records, pack.problems) == ("records pack pack_1", 10, ())
    assert (proof.records, proof.problems, log.records, log.problems) == (1, (), 12, ())
    report = json.loads(members(house.pack.read_bytes())["report.json"])["records"]
    assert (report["count"], report["masked"], report["classes"], report["by"]["tier"]) == (
        10,
        2,
        {"person": 2},
        {"foreign": 1},
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_of_a_pack_that_is_changed_is_found_and_named(house: House, tmp_path: Path, data: st.DataObject):
    """The line where it is in a record, a checkpoint or a receipt, else the member, else the archive itself."""
    whole = house.pack.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    (tmp_path / "pack.zip").write_bytes(changed)
    if at < 4:
        with pytest.raises(Unreadable):
            verify(tmp_path / "pack.zip", house.key)
        return

    assert place_of(whole, at) in told(verify(tmp_path / "pack.zip", house.key))


def place_of(pack: bytes, at: int) -> str:
    """Say what a byte of a pack belongs to."""
    for name, content in members(pack).items():
        begin = pack.index(content, pack.index(name.encode())) if content else -1
        if content and begin <= at < begin + len(content):
            if name.startswith(("records/", "receipts")):
                before = content[: at - begin].count(b"\n")
                return f"{name} line {before + 1}"
            return name
    return ""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_of_a_proof_or_a_log_that_is_changed_is_found(house: House, tmp_path: Path, data: st.DataObject):
    """A proof does not hold, and a log's line is named."""
    changed = bytearray(house.proof.read_bytes())
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / "p").write_bytes(changed)
    try:
        assert verify(tmp_path / "p", house.log_key).problems
    except Unreadable:
        assert at < 22
    log = tmp_path / "log"
    shutil.rmtree(log, ignore_errors=True)
    shutil.copytree(house.log, log)
    file = data.draw(st.sampled_from(("00000001.jsonl", "tree/checkpoints")))
    whole = bytearray((log / file).read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    line = whole[:at].count(b"\n") + 1
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    (log / file).write_bytes(whole)

    assert f"{file} line {line}" in told(verify(log, house.log_key))


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        (
            lambda rows: rows[1].update(record=rows[1]["record"].replace("req_2", "req_9")),
            "line 2 (request req_9)",
            "digest",
        ),
        (lambda rows: rows.pop(3), "records/evidence.jsonl", "9 records, and the manifest says 10"),
        (lambda rows: rows.__setitem__(slice(2, 4), rows[3:1:-1]), "line 4 (request req_3)", "does not follow"),
        (lambda rows: rows.insert(4, rows[4]), "line 6 (request req_5)", "does not follow"),
        (lambda rows: rows[5].update(leaf=7), "line 6 (request req_6)", "not the record that the checkpoint is over"),
        (lambda rows: rows[5].update(path=rows[4]["path"]), "line 6 (request req_6)", "checkpoint is over"),
        (lambda rows: forge(rows[2]), "line 3 (request req_3)", "not the record that the checkpoint is over"),
    ],
)
def test_an_operator_who_lies_is_found_out(
    house: House, tmp_path: Path, change: Callable[[list[dict[str, Any]]], object], where: str, what: str
):
    """Records that are changed, left out, doubled or put elsewhere are named, whoever signs the pack."""
    content = members(house.pack.read_bytes())
    rows = [json.loads(line) for line in content["records/evidence.jsonl"].splitlines()]
    change(rows)
    content["records/evidence.jsonl"] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    path = packed(signed_again(house, content), tmp_path / "pack.zip")

    problems = verify(path, house.key).problems
    assert any(where in problem.where and what in problem.what for problem in problems), problems


def test_records_that_are_left_out_in_between_are_counted(house: House, tmp_path: Path):
    """An operator may hand out less than all; that it is less is seen."""
    content = members(house.pack.read_bytes())
    lines = content["records/evidence.jsonl"].splitlines(keepends=True)
    content["records/evidence.jsonl"] = b"".join(lines[:3] + lines[5:])

    assert verify(house.pack, house.key).left_out == 0
    assert verify(packed(signed_again(house, content), tmp_path / "pack.zip"), house.key).left_out == 2


def forge(row: dict[str, Any]) -> None:
    """Change a record, and compute its digest again."""
    row["record"] = row["record"].replace("foreign", "home")
    row["digest"] = sha256(bytes.fromhex(row["previous"]) + row["record"].encode()).hexdigest()


@pytest.mark.parametrize(
    ("name", "old", "new", "told_of"),
    [
        ("report.json", b'"masked":2', b'"masked":0', "report.json: masked is 0, by the records 2"),
        ("receipts.jsonl", b'7,\\"unit', b'8,\\"unit', "receipts.jsonl line 1 (request req_2): it was changed"),
        ("receipts.jsonl", b'"request":"req_2"', b'"request":"req_3"', "names another receipt"),
        ("checkpoints/evidence.txt", b"\n12\n", b"\n13\n", "not signed by its log"),
    ],
)
def test_what_goes_with_the_records_is_checked_too(
    house: House, tmp_path: Path, name: str, old: bytes, new: bytes, told_of: str
):
    """A report that counts otherwise, a receipt of another price, a checkpoint that nobody signed."""
    content = members(house.pack.read_bytes())
    assert old in content[name]
    content[name] = content[name].replace(old, new)

    assert told_of in told(verify(packed(signed_again(house, content), tmp_path / "pack.zip"), house.key))


def test_a_pack_is_the_operators_whole(house: House, tmp_path: Path):
    """With another key, another member or one less it is wrong, and says which."""
    content = members(house.pack.read_bytes())
    more = packed({**content, "also.txt": b"!"}, tmp_path / "more.zip")
    less = packed({name: data for name, data in content.items() if name != "report.json"}, tmp_path / "less.zip")

    assert "manifest.json: it is not what the operator signed" in told(verify(house.pack, "ab" * 32))
    assert "also.txt: it does not belong in the pack" in told(verify(more, house.key))
    assert "report.json: it is missing" in told(verify(less, house.key))
    assert "archive" in told(verify(_appended(house.pack, tmp_path), house.key))


def _appended(path: Path, directory: Path) -> Path:
    (directory / "longer.zip").write_bytes(path.read_bytes() + b"!")
    return directory / "longer.zip"


def test_a_witness_that_is_asked_for_must_have_signed(house: House):
    """Whoever trusts a witness sees that it is missing."""
    name, key = "witness.example/w1", bytes(range(32))
    id = sha256(name.encode() + b"\n\x04" + key).hexdigest()[:8]
    witness = f"{name}+{id}+{base64.b64encode(bytes([4]) + key).decode()}"

    assert "not signed by the witness witness.example/w1" in told(verify(house.proof, house.log_key, (witness,)))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary(max_size=300), kind=st.sampled_from((b"PK\x03\x04", b"c2sp.org/tlog-proof@v1\n", b"")))
def test_junk_is_wrong_and_nothing_worse(house: House, tmp_path: Path, junk: bytes, kind: bytes):
    """No input makes the verifier raise anything but that it can't be read."""
    path = tmp_path / "junk"
    path.write_bytes(kind + junk)
    with suppress(Unreadable):
        assert verify(path, house.key).problems


@given(text=st.text(max_size=200))
def test_no_text_is_taken_for_a_key(text: str):
    """A key that can't be read is said to be none."""
    if re.fullmatch("[0-9a-f]{64}", text.strip()):
        return
    with pytest.raises(Unreadable):
        verifier.read_key(text)


def test_it_needs_nothing_of_ours(house: House, tmp_path: Path):
    """It imports the standard library and `cryptography` alone, and runs as a file by itself."""
    source = Path(verifier.__file__)
    names = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source.read_text()))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", "")]
        )
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    copy = shutil.copy(source, tmp_path / "verify_evidence.py")
    done = subprocess.run(
        [sys.executable, "-I", copy, house.pack, "--key", house.key], capture_output=True, text=True, check=False
    )

    assert names - sys.stdlib_module_names == {"cryptography"}
    assert (done.returncode, done.stdout) == (
        0,
        "records pack pack_1 is right (records: 10, checkpoints: 1)\n",
    )
