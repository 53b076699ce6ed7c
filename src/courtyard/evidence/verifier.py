"""Checks Courtyard's evidence offline: a pack, the proof of one record, or a copy of a whole log.

    python verify_evidence.py pack.zip --key operator.pub
    python verify_evidence.py request.tlog-proof --key 'courtyard/evidence/…+…+…' --witness 'witness.example+…+…'
    python verify_evidence.py evidence/ --key 'courtyard/evidence/…+…+…'

One file, Python and `cryptography`, no network and nothing of Courtyard's: read it, keep it, run it anywhere. It
computes every digest, RFC 6962 root, C2SP signature and count again, and names each entry that was changed.
"""

import argparse
import base64
import json
import re
import struct
import sys
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Json = dict[str, Any]

_LINE_MAX, _BYTES_MAX, _INT_MAX = 1 << 20, 1 << 32, 10**18
_FORMAT, _PROOF, _DASH = "courtyard-evidence/1", "c2sp.org/tlog-proof@v1", "\N{EM DASH} "
_ONE = (
    "decision", "kind", "model", "purpose", "organisation", "provider", "tier", "engine", "region", "pack", "label",
    "outcome", "error", "rule",
)  # fmt: skip
_MANY = ("decisions", "obligations")


class Unreadable(ValueError):
    """What was given is no evidence, or no key."""


class Problem(NamedTuple):
    """Something that is wrong, and where: `records/evidence.jsonl line 3 (request req_…)`, `manifest.json`."""

    where: str
    what: str


class Verdict(NamedTuple):
    """What was read, and everything that is wrong with it."""

    what: str
    records: int
    checkpoints: int
    cosigned_by: tuple[str, ...]
    problems: tuple[Problem, ...]
    left_out: int = 0
    """Records of the log between the first and the last one of a pack that are not in it: none, where it has all."""


class Key(NamedTuple):
    """A public key, and the name that it signs under where that is known."""

    public: bytes
    name: str = ""
    type: int = 1


def verify(path: Path, key: str, witnesses: tuple[str, ...] = ()) -> Verdict:
    """Check a pack with the operator's key, a proof or a log's directory with the log's. Each witness must have signed.

    Raises:
        Unreadable: one of them is not what it should be, so that there is nothing to check.
    """
    check = _Check(read_key(key), tuple(map(read_key, witnesses)))
    if path.is_dir():
        return check.run("log", check.log, path)
    if path.stat().st_size > _BYTES_MAX:
        raise Unreadable("it is larger than any evidence")
    data = path.read_bytes()
    if data.startswith(b"PK\x03\x04"):
        return check.run("pack", check.pack, data)
    if data.startswith(_PROOF.encode()):
        return check.run("proof", check.proof, data)
    raise Unreadable("it is no pack, no proof and no directory of a log")


def read_key(text: str) -> Key:
    """Read a public key: PEM, 64 hex digits, or `name+id+base64` as C2SP writes it."""
    text = text.strip()
    try:
        if "BEGIN" in text:
            loaded = load_pem_public_key(text.encode())
            if isinstance(loaded, Ed25519PublicKey):
                return Key(loaded.public_bytes_raw())
        elif re.fullmatch("[0-9a-f]{64}", text):
            return Key(bytes.fromhex(text))
        elif len(parts := text.split("+", 2)) == 3:
            data = _base64(parts[2])
            key = Key(data[1:], parts[0], data[0])
            if len(data) == 33 and data[0] in (1, 4) and _id_of(key, parts[0]).hex() == parts[1]:
                return key
    except (ValueError, TypeError, IndexError) as error:
        raise Unreadable(f"the key can't be read: {error}") from error
    raise Unreadable("the key is no Ed25519 public key: give PEM, 64 hex digits, or name+id+base64")


class _Head(NamedTuple):
    """What a checkpoint says: so many records, under this root."""

    size: int
    root: bytes


class _Check:
    def __init__(self, key: Key, witnesses: tuple[Key, ...]) -> None:
        self.key, self.witnesses = key, witnesses
        self.problems: list[Problem] = []
        self.cosigned: list[str] = []
        self.records = self.checkpoints = self.left_out = 0
        self.leaves: list[bytes] = []
        self.kept = b""

    def run(self, what: str, check: Any, given: Any) -> Verdict:
        """Run one kind of check; what can't even be read is wrong too."""
        try:
            what = check(given) or what
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error, RecursionError) as error:
            self.wrong(what, f"it can't be read: {str(error)[:200]}")
        return Verdict(
            what,
            self.records,
            self.checkpoints,
            tuple(dict.fromkeys(self.cosigned)),
            tuple(self.problems),
            self.left_out,
        )

    def wrong(self, where: str, what: str) -> None:
        self.problems.append(Problem(where, what))

    # --- a pack ---

    def pack(self, data: bytes) -> str:
        members = _unpack(data, self)
        text, signature = members.get("manifest.json", b""), members.get("manifest.sig", b"")
        if not _is_signed(self.key.public, f"{_FORMAT}\n".encode() + text, _hex(signature.decode("ascii", "replace"))):
            self.wrong("manifest.json", "it is not what the operator signed")
        manifest = _object(text)
        if manifest.get("format") != _FORMAT:
            self.wrong("manifest.json", f"this verifier reads {_FORMAT}")
            return "pack"
        named = manifest["files"].keys() | {"manifest.json", "manifest.sig"}
        for name in sorted(named ^ members.keys()):
            self.wrong(name, "it is missing" if name in named else "it does not belong in the pack")
        for name, said in sorted(manifest["files"].items()):
            found = members.get(name, b"")
            if name in members and (len(found), sha256(found).hexdigest()) != (said["bytes"], said["sha256"]):
                self.wrong(name, "it was changed after it was signed")
        counting, receipts = _Counting(), dict[str, str]()
        for log in manifest["logs"]:
            self.try_(f"records/{log['log']}.jsonl", self.pack_log, members, manifest, log, counting, receipts)
        for number, line in enumerate(members.get("receipts.jsonl", b"").splitlines(keepends=True), start=1):
            self.try_(f"receipts.jsonl line {number}", self.receipt, line, receipts, f"receipts.jsonl line {number}")
        self.try_("report.json", self.report, members.get("report.json", b""), counting)
        return f"{manifest['kind']} pack {manifest['id']}"

    def try_(self, where: str, check: Any, *given: Any) -> None:
        try:
            check(*given)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            self.wrong(where, f"it can't be read: {str(error)[:200]}")

    def pack_log(
        self, members: dict[str, bytes], manifest: Json, log: Json, counting: "_Counting", receipts: Any
    ) -> None:
        file, note = f"records/{log['log']}.jsonl", f"checkpoints/{log['log']}.txt"
        named = tuple(map(read_key, manifest["witnesses"]))
        head = self.checkpoint(note, members.get(note, b"").decode(), read_key(log["key"]), named)
        last: Json = {"leaf": -1}
        lines = members.get(file, b"").splitlines(keepends=True)
        if len(lines) != log["count"]:
            self.wrong(file, f"it has {len(lines)} records, and the manifest says {log['count']}")
        for number, line in enumerate(lines, start=1):
            before, where = len(self.problems), f"{file} line {number}"
            try:
                row, record = _row(line)
                where += f" (request {str(record['id'])[:80]})"
                self.record(where, row, record, head=head, last=last)
                self.asked(where, record, manifest)
                counting.add(record)
                if isinstance(record.get("receipt"), str):
                    receipts[record["id"]] = record["receipt"]
                self.left_out += max(0, row["leaf"] - last["leaf"] - 1) if last["leaf"] >= 0 else 0
                last = row
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                del self.problems[before:]
                self.wrong(where, f"it can't be read: {str(error)[:200]}")

    def record(self, where: str, row: Json, record: Json, *, head: "_Head", last: Json) -> None:
        """Check a record's digest, its place in the chain, and its way to the checkpoint's root."""
        self.records += 1
        if sha256(_hex(row["previous"]) + row["record"].encode()).hexdigest() != row["digest"]:
            self.wrong(where, "it was changed: its digest is not that of what it says")
        elif not _includes(head, row["leaf"], _leaf(_canonical(record)), [_hash(node) for node in row["path"]]):
            self.wrong(where, "it was changed: it is not the record that the checkpoint is over")
        follows = row["leaf"] == last["leaf"] + 1 and row["epoch"] == last.get("epoch")
        if row["leaf"] <= last["leaf"] or (
            follows and (row["previous"], row["seq"]) != (last["digest"], last["seq"] + 1)
        ):
            self.wrong(where, "it does not follow the record before it")

    def asked(self, where: str, record: Json, manifest: Json) -> None:
        begin, end, organisation = manifest["from_ms"], manifest["until_ms"], manifest["organisation"]
        late = (begin is not None and record["at_ms"] < begin) or (end is not None and record["at_ms"] >= end)
        if late or organisation not in (None, record["organisation"]):
            self.wrong(where, "it is not of the time and organisation that the pack is about")

    def receipt(self, line: bytes, receipts: dict[str, str], where: str) -> None:
        row = _object(line)
        where = f"{where} (request {str(row['request'])[:80]})"
        if sha256(_hex(row["previous"]) + row["entry"].encode()).hexdigest() != row["digest"]:
            self.wrong(where, "it was changed: its digest is not that of what it says")
        elif receipts.get(row["request"]) != row["digest"] or _object(row["entry"].encode())["id"] != row["request"]:
            self.wrong(where, "the record of this request names another receipt")

    def report(self, text: bytes, counting: "_Counting") -> None:
        said, counted = _object(text, fractions=True)["records"], counting.counts()
        for name in sorted(said.keys() | counted.keys()):
            if said.get(name) != counted.get(name):
                self.wrong(
                    "report.json", f"{name} is {_short(said.get(name))}, by the records {_short(counted.get(name))}"
                )

    # --- checkpoints and proofs ---

    def checkpoint(self, where: str, note: str, key: Key, named: tuple[Key, ...] = ()) -> "_Head":
        """Check a checkpoint's signatures, and return its size and root."""
        text, _, rest = note.rpartition("\n\n")
        text += "\n"
        origin, size, root, *_ = text.split("\n")
        signatures = [line.removeprefix(_DASH).split(" ", 1) for line in rest.split("\n") if line]
        self.checkpoints += 1
        if not rest.endswith("\n") or not all(line.startswith(_DASH) for line in rest.split("\n")[:-1]):
            self.wrong(where, "it is no signed note")
        if key.name not in ("", origin) or not _signed_by(text, signatures, key, origin):
            self.wrong(where, "the checkpoint is not signed by its log")
        for witness in dict.fromkeys((*named, *self.witnesses)):
            if _signed_by(text, signatures, witness, witness.name):
                self.cosigned.append(witness.name)
            elif witness in self.witnesses or any(name == witness.name for name, *_ in signatures):
                self.wrong(where, f"the checkpoint is not signed by the witness {witness.name}")
        known = {origin, *(witness.name for witness in (*named, *self.witnesses))}
        if extra := [name for name, *_ in signatures if name not in known] if named else []:
            self.wrong(where, f"nobody knows who signed it as {extra[0][:80]}")
        return _Head(_number(size), _hash(root))

    def proof(self, data: bytes) -> None:
        head, _, note = data.decode().partition("\n\n")
        first, extra, place, *path = head.split("\n")
        record = _base64(extra.removeprefix("extra "))
        where = f"record {place.removeprefix('index ')}"
        if first != _PROOF or not extra.startswith("extra ") or not place.startswith("index "):
            self.wrong(where, "it is not written as proofs are")
        root = self.checkpoint("checkpoint", note, self.key)
        self.records += 1
        where += f" (request {str(_object(record)['id'])[:80]})"
        leaf = _number(place.removeprefix("index "))
        if not _includes(root, leaf, _leaf(record), [_hash(node) for node in path]):
            self.wrong(where, "it is not among the records that the checkpoint is over")

    # --- a copy of a log ---

    def log(self, directory: Path) -> str:
        stored = directory / "tree" / "00"
        self.leaves, self.kept = [], stored.read_bytes() if stored.exists() else b""
        previous = "0" * 64
        for path in sorted(path for path in directory.glob("*.jsonl") if path.stem.isdigit()):
            previous = self.log_file(path, previous)
        history = directory / "tree" / "checkpoints"
        lines = history.read_bytes().splitlines(keepends=True) if history.exists() else []
        whole = _Range()
        for number, line in enumerate(lines, start=1):
            where = f"tree/checkpoints line {number}"
            self.try_(where, self.log_checkpoint, where, line, whole)
        return f"log {directory.name}"

    def log_file(self, path: Path, previous: str) -> str:
        head, count, signed, name = "", 0, 0, ""
        number = 0
        with path.open("rb") as lines:
            for number, text in enumerate(iter(lambda: lines.readline(_LINE_MAX), b""), start=1):
                where = f"{path.name} line {number}"
                try:
                    if number == 1:
                        header, head = _object(text)["log"], sha256(text.rstrip(b"\n")).hexdigest()
                        name = header["name"]
                        if header["previous"] != previous or header["epoch"] != int(path.stem):
                            self.wrong(where, "this file does not continue the one before it")
                    elif text.startswith(b'{"page"'):
                        page = _object(text)["page"]
                        said = f"courtyard-log/1\n{name}\n{int(path.stem)}\n{page['count']}\n{page['last']}".encode()
                        if (page["count"], page["last"]) != (count, head) or not _is_signed(
                            self.key.public, said, _hex(page["signature"])
                        ):
                            self.wrong(where, "the signature is not the log's over the records before it")
                        signed, count, head = page["count"], page["count"], page["last"]
                    else:
                        count, head = self.log_entry(where, text, count, head)
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    self.wrong(where, f"it can't be read: {str(error)[:200]}")
        if signed != count:
            self.wrong(f"{path.name} line {number}", f"{count - signed} records at the end stand under no signature")
        return head

    def log_entry(self, where: str, text: bytes, count: int, head: str) -> tuple[int, str]:
        self.records += 1
        row = _object(text)
        entry = text[text.index(b'"entry":') + 8 : text.rindex(b',"previous":')]
        where += f" (request {str(row['entry'].get('id'))[:80]})"
        leaf, index = _leaf(_canonical(row["entry"])), len(self.leaves)
        if (row["previous"], row["seq"]) != (head, count):
            self.wrong(where, "it does not follow the line before it")
            if count == 0:
                self.wrong(where.partition(" line ")[0] + " line 1", "it was changed, if the line after it was not")
        if sha256(_hex(row["previous"]) + entry).hexdigest() != row["digest"]:
            self.wrong(where, "it was changed: its digest is not that of what it says")
        elif self.kept[32 * index : 32 * index + 32] not in (b"", leaf):
            self.wrong(where, "it was changed: it is not the record that is in the tree")
        self.leaves.append(leaf)
        return row["seq"] + 1, row["digest"]

    def log_checkpoint(self, where: str, line: bytes, whole: "_Range") -> None:
        size, root = self.checkpoint(where, _object(line)["note"], self.key)
        if not whole.size <= size <= len(self.leaves):
            self.wrong(where, f"it is over {size} records, and there are {len(self.leaves)}")
            return
        while whole.size < size:
            whole.append(self.leaves[whole.size])
        if whole.root() != root:
            self.wrong(where, "the records have another root than this checkpoint says")


class _Counting:
    """Counts what records say, as the pack's report does."""

    def __init__(self) -> None:
        self.all: list[int] = []
        self.people, self.subjects = set[str](), set[str]()
        self.with_personal_data = self.masked = 0
        self.by: dict[str, dict[str, int]] = {}
        self.classes: dict[str, int] = {}

    def add(self, record: Json) -> None:
        self.all.append(record["at_ms"])
        self.people.add(record["who"])
        if record.get("subject"):
            self.subjects.add(record["subject"])
        self.with_personal_data += bool(record.get("classes"))
        self.masked += record.get("masked", 0)
        said = [(name, record.get(name)) for name in _ONE]
        said += [(name, value) for name in _MANY for value in set(record.get(name, []))]
        for name, value in said:
            if value:
                counts = self.by.setdefault(name, {})
                counts[value] = counts.get(value, 0) + 1
        for kind, count in record.get("classes", {}).items():
            self.classes[kind] = self.classes.get(kind, 0) + count

    def counts(self) -> Json:
        moments = {"first_ms": min(self.all, default=None), "last_ms": max(self.all, default=None)}
        people = {"people": len(self.people), "subjects": len(self.subjects), "masked": self.masked}
        personal = {"with_personal_data": self.with_personal_data, "classes": self.classes}
        return {"count": len(self.all), **moments, **people, **personal, "by": self.by}


# --- Reading: strict, so that no other program sees something else in the same bytes. ---


def _unpack(data: bytes, check: _Check) -> dict[str, bytes]:
    """Take an archive apart; every byte that is not said by its members is wrong."""
    members: dict[str, bytes] = {}
    central, at = b"", 0
    while data[at : at + 4] == b"PK\x03\x04":
        sum_, size, _, length = struct.unpack("<IIIH", data[at + 14 : at + 28])
        name = data[at + 30 : at + 30 + length]
        begin = at + 30 + length
        fixed = struct.pack("<HHHHHIIIHH", 20, 0x800, 0, 0, 0x21, sum_, size, size, length, 0)
        text = name.decode("utf-8", "replace")
        if data[at + 4 : at + 30] != fixed or begin + size > len(data) or text in members:
            check.wrong(f"archive, byte {at}", f"the head of {text[:80]} is not as it was written")
        content = data[begin : begin + size]
        members[text] = content
        if zlib.crc32(content) != sum_:
            check.wrong(text, "its checksum in the archive is not that of its bytes")
        central += b"PK\x01\x02" + struct.pack("<HHHHHHIIIH", 0x314, 20, 0x800, 0, 0, 0x21, sum_, size, size, length)
        central += struct.pack("<HHHHII", 0, 0, 0, 0, 0o100644 << 16, at) + name
        at = begin + size
    count = len(members)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(central), at, 0)
    if data[at:] != central + end:
        check.wrong(f"archive, byte {at}", "what follows the last member is not as it was written")
    return members


def _row(line: bytes) -> tuple[Json, Json]:
    row = _object(line)
    kinds = {"digest": str, "epoch": int, "leaf": int, "path": list, "previous": str, "record": str, "seq": int}
    if {name: type(value) for name, value in row.items()} != kinds or not line.endswith(b"\n"):
        raise ValueError("it is not written as records are")
    return row, _object(row["record"].encode())


def _object(data: bytes, *, fractions: bool = False) -> Json:
    """Read a JSON object; reports alone may have numbers that are not whole."""
    if len(data) > _BYTES_MAX:
        raise ValueError("it is too long")
    part = float if fractions else _refuse
    found = json.loads(data.decode(), object_pairs_hook=_once, parse_float=part, parse_constant=_refuse)
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> Json:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:40]} is not a whole number")


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _number(text: str) -> int:
    if not re.fullmatch("0|[1-9][0-9]{0,17}", text):
        raise ValueError(f"{text[:40]!r} is no number of records")
    return int(text)


def _hex(text: str) -> bytes:
    if not re.fullmatch("([0-9a-f]{2})*", text):
        raise ValueError("a digest or signature is not written in hex")
    return bytes.fromhex(text)


def _base64(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("base64 is written in another way than the one that is used here")
    return data


def _hash(text: str) -> bytes:
    data = _base64(text)
    if len(data) != 32:
        raise ValueError("a hash has 32 bytes")
    return data


def _short(value: Any) -> str:
    return json.dumps(value, sort_keys=True)[:120]


# --- Signatures and trees ---


def _id_of(key: Key, name: str) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([key.type]) + key.public).digest()[:4]


def _signed_by(text: str, signatures: list[list[str]], key: Key, name: str) -> bool:
    """Whether one of a note's signatures is a key's."""
    for signer, encoded in signatures:
        data = _base64(encoded)
        if signer != name or data[:4] != _id_of(key, name):
            continue
        data, message = data[4:], text.encode()
        if key.type == 4:
            time = int.from_bytes(data[:8])
            data, message = data[8:], f"cosignature/v1\ntime {time}\n{text}".encode()
        return _is_signed(key.public, message, data)
    return False


def _is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _includes(head: "_Head", index: int, leaf: bytes, path: list[bytes]) -> bool:
    """Check a proof of inclusion (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < head.size:
        return False
    found, place, last = leaf, index, head.size - 1
    for beside in path:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = _node(beside, found)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            found = _node(found, beside)
        place, last = place >> 1, last >> 1
    return last == 0 and found == head.root


class _Range:
    """The leaves from the first one on, as the few whole subtrees that they fill."""

    def __init__(self) -> None:
        self.size = 0
        self.nodes: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        place = self.size
        while place % 2:
            leaf, place = _node(self.nodes.pop(), leaf), place >> 1
        self.nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self.nodes:
            return sha256(b"").digest()
        found = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            found = _node(node, found)
        return found


def main(arguments: list[str] | None = None) -> int:
    """Check what the command line names: 0 if all is right, 1 if something is wrong, 2 if it can't be read."""
    parser = argparse.ArgumentParser(description="Check Courtyard's evidence offline.")
    parser.add_argument("evidence", type=Path, help="a pack, a proof, or the directory of a log")
    parser.add_argument("--key", required=True, help="of the operator for a pack, else of the log: a file or the key")
    parser.add_argument("--witness", action="append", default=[], help="the key of a witness that must have signed")
    given = parser.parse_args(arguments)
    try:
        key = Path(given.key).read_text() if len(given.key) < 250 and Path(given.key).is_file() else given.key
        verdict = verify(given.evidence, key, tuple(given.witness))
    except (Unreadable, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for problem in verdict.problems:
        sys.stdout.write(f"wrong  {problem.where}: {problem.what}\n")
    state = "is right" if not verdict.problems else f"has {len(verdict.problems)} problems"
    cosigned = f", witnesses: {', '.join(verdict.cosigned_by)}" if verdict.cosigned_by else ""
    between = f", left out between them: {verdict.left_out}" if verdict.left_out else ""
    counts = f"records: {verdict.records}{between}, checkpoints: {verdict.checkpoints}{cosigned}"
    sys.stdout.write(f"{verdict.what} {state} ({counts})\n")
    return 1 if verdict.problems else 0


if __name__ == "__main__":
    sys.exit(main())
