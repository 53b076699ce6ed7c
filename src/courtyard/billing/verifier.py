"""Checks a Courtyard invoice offline, from its receipts.

    python verifier.py invoice.json receipts.jsonl --key operator.pub

One file, Python and `cryptography`, no network and nothing of Courtyard's: read it, keep it, run it anywhere. It
computes each receipt's digest and price, each line, tax and total, and the RFC 6962 root again, and says what is wrong.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Json = dict[str, Any]

_INVOICE_BYTES_MAX, _RECEIPT_BYTES_MAX, _INT_MAX = 64 << 20, 1 << 20, 10**30
_TOKENS = ("input", "cached_input", "cache_write", "output", "reasoning")
_DIMENSIONS = (*_TOKENS, "images", "audio_seconds", "characters", "pages", "rows")
_EACH = {"image": "images", "audio_second": "audio_seconds", "page": "pages", "row": "rows"}
_AS = {"cached_input": "input", "cache_write": "input", "reasoning": "output"}
_KINDS, _MONTHLY = ("per_token", "flat", "per_seat"), ("package", "graduated", "volume")
_OF_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS = {code: digits for digits, codes in _OF_DIGITS.items() for code in codes.split()}


class Unreadable(Exception):
    """What was given is no invoice, no receipt or no key."""


class Problem(NamedTuple):
    """Something that is wrong, and where: `line 3`, `receipt req_…`, `invoice`."""

    where: str
    what: str


class Verdict(NamedTuple):
    """What was read, and everything that is wrong with it."""

    number: str
    lines: int
    receipts: int
    total: str
    problems: tuple[Problem, ...]


def verify(invoice: bytes, receipts: Iterable[bytes], key: bytes) -> Verdict:
    """Check an invoice from the bytes of its JSON, the lines of its receipts' JSONL, and the operator's public key.

    Raises:
        Unreadable: one of them is not what it should be, so that there is nothing to check.
    """
    document = _read(invoice, _INVOICE_BYTES_MAX, "the invoice")
    _fit(document, _INVOICE, "the invoice")
    if document["format"] != "courtyard-invoice/1":
        raise Unreadable("this verifier reads courtyard-invoice/1; ask the operator for one that reads this invoice")
    return _Check(document).run(receipts, _read_key(key))


# --- Reading: strict, so that no other program sees another document in the same bytes. ---


def _shape(names: str, **others: Any) -> Json:
    kinds = {"s": str, "i": int, "b": bool}
    return {name: kinds[kind] for name, kind in (word.split(":") for word in names.split())} | others


_COUNTS = {"*": int}
_PARTY = _shape(
    "name:s postcode:s city:s country:s tax_id:s registration:s email:s language:s iban:s bic:s bank:s business:b",
    address=[str],
)
_LINE = _shape(
    "number:i kind:s month:s project_name:s price_kind:s price_book:s text:s quantity:i unit:s rated_nano:i nano:i "
    "minor:i net_minor:i tax:i first_leaf:i leaf_count:i root:s",
    **{"project": (str,), "model": (str,), "facts": _COUNTS, "usage": _COUNTS, "covered": _COUNTS},
)
_INVOICE = _shape(
    "format:s kind:s number:s reason:s organisation:s reference:s currency:s minor_digits:i period_from_ms:i "
    "period_until_ms:i issued_at_ms:i due_at_ms:i net_minor:i tax_minor:i total_minor:i paid_minor:i due_minor:i "
    "carry_nano:i paid_carried_nano:i paid_carry_nano:i previous:s",
    **{"corrects": (str,), "seller": _PARTY, "buyer": _PARTY, "lines": [_LINE], "notes": [str]},
    **{"accounts": {"*": str}, "prices": {"*": str}, "plans": {"*": str}},
    taxes=[_shape("name:s category:s rate_bp:i inclusive:b base_minor:i tax_minor:i note:s")],
    proof=_shape("root:s size:i public_key:s signature:s"),
)
_RECEIPT = _shape("line:i leaf:i previous:s digest:s entry:s")


def _fit(value: Any, shape: Any, where: str) -> None:
    """See that a value has a shape: a type, `[shape]`, `{"*": shape}`, a record, or `(shape,)` where it may be null."""
    if isinstance(shape, tuple):
        if value is not None:
            _fit(value, shape[0], where)
        return
    if shape is Any:
        return
    kind: type = shape if isinstance(shape, type) else type(shape)
    found: Any = type(value)
    if found is not kind or (kind is int and abs(value) > _INT_MAX):
        raise Unreadable(f"{where} is no {kind.__name__} that can be here")
    if isinstance(shape, list):
        for place, item in enumerate(value, start=1):
            _fit(item, shape[0], f"{where}, item {place}")
    elif isinstance(shape, dict):
        if "*" not in shape and value.keys() != shape.keys():
            raise Unreadable(f"{where} lacks or has too much: {', '.join(sorted(value.keys() ^ shape.keys()))[:200]}")
        for name, item in value.items():
            _fit(item, shape.get(name, shape.get("*")), f"{where}, {name[:80]}")


def _read(data: bytes, bytes_max: int, what: str) -> Any:
    """Read JSON that has whole numbers only, and no name twice."""
    if len(data) > bytes_max:
        raise Unreadable(f"{what} is larger than {bytes_max} bytes")
    try:
        found = json.loads(data.decode(), object_pairs_hook=_once, parse_float=_refuse, parse_constant=_refuse)
        if b"\\u" in data:
            _canonical(found)  # Half of a surrogate pair is no text.
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{what} can't be read: {str(error)[:200]}") from error
    return found


def _once(pairs: list[tuple[str, Any]]) -> Json:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:40]} is not a whole number")


def _read_key(data: bytes) -> Ed25519PublicKey:
    """Read a public key as PEM or as 64 hex digits."""
    try:
        text = data.decode().strip()
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(text)) if len(text) == 64 else load_pem_public_key(data)
    except (ValueError, TypeError) as error:
        raise Unreadable(f"the key can't be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Unreadable("the key is not an Ed25519 public key")
    return key


def _canonical(document: Any) -> bytes:
    """Write JSON in the one way that signatures are over."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _usage(record: Any) -> Json:
    _fit(record, _COUNTS, "usage")
    if not record.keys() <= set(_DIMENSIONS) or any(count < 0 for count in record.values()):
        raise Unreadable("usage counts what no receipt has")
    return {name: record.get(name, 0) for name in _DIMENSIONS}


# --- Arithmetic: whole numbers, rounded half to even. ---


def _half_even(count: int, divisor: int) -> int:
    whole, part = divmod(count, divisor)
    return int(whole + (2 * part > divisor or (2 * part == divisor and whole % 2 == 1)))


def _rate(rates: Json, name: str) -> int:
    found: Any = rates.get(name, rates.get(_AS.get(name, ""), 0))
    _fit(found, int, f"the rate {name}")
    return int(found)


def _rated(offer: Json, used: Json) -> int:
    """Say what a receipt costs, or is charged in advance, by the kind of price and its rates."""
    kind, rates, served = offer["kind"], offer["rates"], int(any(used.values()))
    if kind == "per_token":
        each = sum(used[count] * _rate(rates, name) for name, count in _EACH.items()) + served * _rate(rates, "request")
        millions = sum(used[name] * _rate(rates, name) for name in (*_TOKENS, "characters"))
        return _half_even(millions + each * 10**6, 10**6)
    if kind in ("flat", "per_seat"):
        return served * _rate(rates, "request") if kind == "flat" else 0
    units, per = _measured(rates, used, served)
    if kind == "package":
        return -(-units * _rate(rates, "price") // _rate(rates, "size"))
    return -(-units * _tiers(rates)[0][1] // per)


def _month_price(offer: Json, used: Json, served: int) -> int:
    """Say what a month costs by a price that is settled at its end."""
    rates = offer["rates"]
    units, per = _measured(rates, used, served)
    if offer["kind"] == "package":
        return -(-units // _rate(rates, "size")) * _rate(rates, "price")
    tiers = _tiers(rates)
    if offer["kind"] == "volume":
        return _half_even(units * next(price for end, price in tiers if end is None or units <= end), per)
    cost = begin = 0
    for end, price in tiers:
        stop = units if end is None else min(units, end)
        cost, begin = cost + max(0, stop - begin) * price, stop
    return _half_even(cost, per)


def _measured(rates: Json, used: Json, served: int) -> tuple[int, int]:
    of = rates.get("of", "tokens")
    if of in ("tokens", "requests"):
        return (served, 1) if of == "requests" else (sum(used[name] for name in _TOKENS), 10**6)
    if of not in _DIMENSIONS:
        raise Unreadable("a price counts what no receipt has")
    return used[of], 10**6 if of in (*_TOKENS, "characters") else 1


def _tiers(rates: Json) -> list[tuple[int | None, int]]:
    _fit(rates.get("tiers"), [{"*": (int,)}], "tiers")
    found = [(tier.get("up_to"), _rate(tier, "rate")) for tier in rates["tiers"]]
    if not found or found[-1][0] is not None or any(end is None for end, _ in found[:-1]):
        raise Unreadable("a price's tiers have no end")
    return found


def _month(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m}" if 0 <= at_ms < 2**47 else "no month"


def _days_in(month: str) -> int:
    if not re.fullmatch(r"[12][0-9]{3}-(0[1-9]|1[0-2])", month):
        raise Unreadable(f"{month[:20]} is no month")
    year, number = int(month[:4]), int(month[5:])
    return (datetime(year + number // 12, number % 12 + 1, 1) - datetime(year, number, 1)).days


class _Range:
    """Leaves of the RFC 6962 tree from one place on, as the subtrees that they fill."""

    def __init__(self, begins: int) -> None:
        self.ends, self.nodes = begins, list[tuple[int, int, bytes]]()

    def push(self, start: int, level: int, node: bytes) -> None:
        self.ends = start + (1 << level)
        while self.nodes and self.nodes[-1][1] == level and self.nodes[-1][0] % (2 << level) == 0:
            start, _, left = self.nodes.pop()
            level, node = level + 1, sha256(b"\x01" + left + node).digest()
        self.nodes.append((start, level, node))

    @property
    def root(self) -> str:
        found = self.nodes[-1][2] if self.nodes else sha256(b"").digest()
        for _, _, left in reversed(self.nodes[:-1]):
            found = sha256(b"\x01" + left + found).digest()
        return found.hex()


class _Sum:
    """What the receipts of one line come to, read in any order."""

    def __init__(self, first_leaf: int) -> None:
        self.used, self.covered = dict.fromkeys(_DIMENSIONS, 0), dict[str, int]()
        self.requests = self.served = self.tokens = self.capped = 0
        self.first_leaf, self.alone, self.waiting = first_leaf, _Range(0), dict[int, bytes]()
        self.whole = _Range(first_leaf)

    def place(self, leaf: int, digest: bytes) -> bool:
        """Take a leaf; one that was there before is refused."""
        if leaf < self.whole.ends or leaf in self.waiting:
            return False
        self.waiting[leaf] = sha256(b"\x00" + digest).digest()
        while (found := self.waiting.pop(self.whole.ends, None)) is not None:
            self.alone.push(self.whole.ends - self.first_leaf, 0, found)
            self.whole.push(self.whole.ends, 0, found)
        return True


# --- The check. ---

_COST = _shape("count:i unit:s")
_ENTRY = _shape("id:s organisation:s project:s model:s at_ms:i price_book:s", cost=_COST, usage=_COUNTS)
_CHARGE = _shape("account:s count:i unit:s capped:b")


class _Check:
    def __init__(self, document: Json) -> None:
        self.document, self.lines = document, document["lines"]
        self.problems: list[Problem] = []
        self.sums = [_Sum(line["first_leaf"]) for line in self.lines]
        self.seen: set[bytes] = set()
        self.digits = _DIGITS.get(document["currency"], 2)
        self.unit = 10 ** (9 - self.digits)
        self.money = document["currency"].lower() + "_nano"
        self.prices, self.plans = self._documents("prices"), self._documents("plans")
        self.offers: dict[tuple[str, str], Json] = {}
        self.days: dict[tuple[str, ...], int] = {}

    def run(self, receipts: Iterable[bytes], key: Ed25519PublicKey) -> Verdict:
        self._check_signature(key)
        for number, raw in enumerate(receipts, start=1):
            if raw.strip():
                self._try(f"receipts, row {number}", self._check_receipt, raw)
        carry = leaf = 0
        whole = _Range(0)
        for place, (line, summed) in enumerate(zip(self.lines, self.sums, strict=True), start=1):
            where, minor = f"line {place}", _half_even(line["nano"] + carry, self.unit)
            root = summed.alone.root if line["leaf_count"] else ""
            self._expect(where, line, number=place, first_leaf=leaf, minor=minor, root=root)
            self._try(where, self._check_line, where, line, summed)
            carry, leaf = carry + line["nano"] - minor * self.unit, leaf + line["leaf_count"]
            for node in summed.whole.nodes:
                whole.push(*node)
        self._expect("invoice", self.document, carry_nano=carry, minor_digits=self.digits)
        self._check_kind()
        self._expect("proof", self.document["proof"], size=leaf, root=whole.root)
        self._check_months()
        self._check_totals()
        total, digits = self.document["total_minor"], self.digits
        words = f"{abs(total) // 10**digits}" + (f".{abs(total) % 10**digits:0{digits}d}" if digits else "")
        said = f"{'-' if total < 0 else ''}{words} {self.document['currency']}"
        return Verdict(self.document["number"], len(self.lines), len(self.seen), said, tuple(self.problems))

    def _check_kind(self) -> None:
        document = self.document
        if document["kind"] not in ("invoice", "credit_note", "statement"):
            self._wrong("invoice", f"there is no document of kind {document['kind'][:40]!r}")
        if (document["corrects"] is None) == (document["kind"] == "credit_note"):
            self._wrong("invoice", "a credit note, and nothing else, names the invoice that it corrects")
        if 2 * abs(document["paid_carried_nano"]) > self.unit:
            self._wrong("invoice", "rounding leaves half a minor unit at most, so no more was paid before")
        for account, funding in document["accounts"].items():
            if funding not in ("included", "credit", "prepaid", "postpaid"):
                self._wrong(f"account {account[:80]}", f"{funding[:40]!r} is no funding")

    def _wrong(self, where: str, what: str) -> None:
        self.problems.append(Problem(where, what))

    def _expect(self, where: str, record: Json, **computed: Any) -> None:
        for name, value in computed.items():
            if record[name] != value:
                self._wrong(where, f"{name} stands as {str(record[name])[:200]}, it should be {str(value)[:200]}")

    def _try(self, where: str, check: Callable[..., None], *given: Any) -> None:
        try:
            check(*given)
        except (Unreadable, ArithmeticError, LookupError, StopIteration, TypeError, ValueError) as error:
            self._wrong(where, f"it can't be computed: {error}"[:300])

    def _check_signature(self, key: Ed25519PublicKey) -> None:
        proof = self.document["proof"]
        unsigned = self.document | {"proof": {name: proof[name] for name in ("root", "size", "public_key")}}
        if proof["public_key"] != key.public_bytes_raw().hex():
            self._wrong("signature", "the invoice names another key than the operator's")
        try:
            key.verify(bytes.fromhex(proof["signature"]), _canonical(unsigned))
        except (InvalidSignature, ValueError):
            self._wrong("signature", "the operator's key did not sign this invoice: something in it was changed")

    def _documents(self, name: str) -> Json:
        """Read price or plan documents, each of which is named by the digest of its text."""
        found = {}
        for digest, text in self.document[name].items():
            if sha256(text.encode()).hexdigest() != digest:
                self._wrong(f"{name} {digest[:12]}", "the document is not the one that its SHA-256 names")
            found[digest] = _read(text.encode(), _RECEIPT_BYTES_MAX, f"{name} {digest[:12]}")
            _fit(found[digest], {"*": Any}, f"{name} {digest[:12]}")
            if found[digest].get("currency") != self.document["currency"]:
                self._wrong(f"{name} {digest[:12]}", "the document is in another currency")
        return found

    def _offer(self, book: str, model: str) -> Json:
        if (book, model) not in self.offers:
            self.offers[book, model] = self._find_offer(book, model)
        return self.offers[book, model]

    def _find_offer(self, book: str, model: str) -> Json:
        """Find what a model costs by a price document; `*` is every model that it does not list."""
        document = self.prices.get(book)
        if document is None:
            raise Unreadable(f"price book {book[:12]!r} is not on the invoice")
        offers = document.get("prices", [document])
        _fit(offers, [dict], "its prices")
        listed = {offer.get("model"): offer for offer in offers}
        offer = listed.get(model, listed.get("*"))
        if offer is None or not isinstance(offer.get("rates"), dict):
            raise Unreadable(f"price book {book[:12]!r} does not say what {model[:80]!r} costs")
        if offer.get("kind") not in (*_KINDS, *_MONTHLY):
            raise Unreadable(f"{str(offer.get('kind'))[:80]!r} is a kind of price that this verifier does not know")
        return dict(offer)

    def _check_receipt(self, raw: bytes) -> None:
        row = _read(raw, _RECEIPT_BYTES_MAX, "it")
        _fit(row, _RECEIPT, "it")
        receipt = _read(row["entry"].encode(), _RECEIPT_BYTES_MAX, "its entry")
        _fit(receipt, dict, "its entry")
        charges = receipt.get("charges", [])
        _fit(charges, [dict], "its charges")
        charges = [{"capped": False, **charge} for charge in charges]
        charges = [{name: charge.get(name) for name in _CHARGE} for charge in charges]
        _fit(charges, [_CHARGE], "its charges")
        receipt = {name: ({"usage": {}, "price_book": ""} | receipt).get(name) for name in _ENTRY}
        _fit(receipt, _ENTRY, "its entry")
        where, name = f"receipt {receipt['id'][:80]}", sha256(receipt["id"].encode()).digest()[:16]
        if not re.fullmatch("[0-9a-f]{64}", row["previous"]) or not re.fullmatch("[0-9a-f]{64}", row["digest"]):
            raise Unreadable("its digests are none")
        if sha256(bytes.fromhex(row["previous"]) + row["entry"].encode()).hexdigest() != row["digest"]:
            self._wrong(where, "it was changed: its digest is not that of what it says")
        line = self.lines[row["line"] - 1] if 0 < row["line"] <= len(self.lines) else None
        if line is None or not 0 <= row["leaf"] - line["first_leaf"] < line["leaf_count"]:
            self._wrong(where, f"line {row['line']} of the invoice does not have it")
            return
        summed = self.sums[row["line"] - 1]
        if name in self.seen or not summed.place(row["leaf"], bytes.fromhex(row["digest"])):
            self._wrong(where, f"it is on the invoice twice: see line {row['line']}")
            return
        self.seen.add(name)
        self._try(where, self._rate_receipt, where, receipt, charges, line, summed)

    def _rate_receipt(self, where: str, receipt: Json, charges: list[Json], line: Json, summed: _Sum) -> None:
        """Compute what a receipt costs, see that it is what was charged, and add it to its line."""
        cost, used, document = receipt["cost"], _usage(receipt["usage"]), self.document
        by_tokens = cost["unit"] == "token" and cost["count"] > 0
        same = {name: line[name] for name in ("project", "model", "price_book")}
        self._expect(where, receipt, organisation=document["organisation"], **same)
        late = receipt["at_ms"] < document["period_from_ms"]
        place = (_month(receipt["at_ms"]), "correction" if late else "usage", by_tokens)
        too_new = receipt["at_ms"] >= document["period_until_ms"]
        if too_new or place != (line["month"], line["kind"], "tokens" in line["facts"]):
            self._wrong(where, f"it does not belong on line {line['number']}: it is {place[1]} of {place[0]}")
        charged: dict[str, int] = {}
        wallets = [charge for charge in charges if charge["account"] in document["accounts"] and charge["count"] >= 0]
        for charge in wallets:
            if charge["unit"] == cost["unit"]:
                funding = document["accounts"][charge["account"]]
                charged[funding] = charged.get(funding, 0) + charge["count"]
        if sum(charged.values()) != cost["count"] or cost["unit"] not in (self.money, "token"):
            paid = sum(charged.values())
            self._wrong(where, f"it cost {cost['count']} {cost['unit'][:20]}, its wallets were charged {paid}")
        full = _rated(self._offer(receipt["price_book"], receipt["model"]), used)
        capped = any(charge["capped"] for charge in wallets)
        most = sum(used[name] for name in _TOKENS) if by_tokens else full
        if cost["count"] > most or (cost["count"] < most and not capped):
            self._wrong(where, f"it cost {cost['count']}, by its price book it is {most}")
        summed.requests, summed.served = summed.requests + 1, summed.served + any(used.values())
        summed.used = {name: summed.used[name] + used[name] for name in _DIMENSIONS}
        if by_tokens:
            summed.tokens += cost["count"]
            return
        summed.capped += full - cost["count"]
        for funding, nano in charged.items():
            summed.covered[funding] = summed.covered.get(funding, 0) + nano

    def _check_line(self, where: str, line: Json, summed: _Sum) -> None:
        kind = line["kind"]
        if kind in ("usage", "correction"):
            self._check_usage(where, line, summed)
            return
        if line["leaf_count"] or line["covered"] or (line["usage"] and line["model"] is None):
            self._wrong(where, f"a line of kind {kind[:40]!r} has no receipts")
        if line["model"] is not None and kind not in ("adjustment", "credit", "seat"):
            self._wrong(where, f"a line of kind {kind[:40]!r} is for no model")
        if kind != "seat":
            self._expect(where, line, quantity=int(kind in ("fee", "commitment", "credit")))
        if kind in ("fee", "commitment", "seat"):
            self._check_plan(where, line)
        elif kind == "credit":
            self._expect(where, line, rated_nano=line["nano"], nano=line["minor"] * self.unit)
        elif kind not in ("carry", "adjustment") or (kind == "carry" and line["number"] != 1):
            self._wrong(where, f"there is no line of kind {kind[:40]!r} here")
        elif kind == "carry" and 2 * abs(line["nano"]) > self.unit:
            self._wrong(where, "rounding leaves half a minor unit at most, so no more can come from the invoice before")
        elif self.document["kind"] == "statement":
            margin = line["facts"]["revenue_nano"] - line["facts"]["wholesale_nano"]
            self._expect(where, line, rated_nano=margin, nano=margin)
        elif line["model"] is None:
            self._expect(where, line, rated_nano=line["nano"])
        if (kind == "credit") != (self.document["kind"] == "credit_note"):
            self._wrong(where, f"it does not belong on a document of kind {self.document['kind'][:40]!r}")

    def _check_usage(self, where: str, line: Json, summed: _Sum) -> None:
        lacking = line["leaf_count"] - summed.requests
        if lacking:
            count, leaf = line["leaf_count"], summed.whole.ends
            self._wrong(where, f"{lacking} of its {count} receipts are missing, the first one at leaf {leaf}")
            return
        rated = sum(summed.covered.values())
        free = summed.covered.get("included", 0) + summed.covered.get("credit", 0)
        facts = {"served": summed.served}
        facts |= {"tokens": summed.tokens} if "tokens" in line["facts"] else {}
        facts |= {"capped_nano": summed.capped} if summed.capped else {}
        self._expect(where, line | {"usage": _usage(line["usage"])}, usage=summed.used, facts=facts)
        self._expect(where, line, quantity=summed.requests, covered=summed.covered)
        self._expect(where, line, rated_nano=rated, nano=rated - free)
        self._expect(where, line, price_kind=self._offer(line["price_book"], line["model"] or "")["kind"])

    def _check_plan(self, where: str, line: Json) -> None:
        kind, facts, days = line["kind"], line["facts"], _days_in(line["month"])
        _fit(facts, _shape("days:i month_days:i" + " seat_days:i" * (kind == "seat")), "its facts")
        self._expect(where, facts, month_days=days, days=min(max(facts["days"], 0), days))
        place = ("seat", line["month"], line["price_book"], line["model"] or "") if kind == "seat" else (line["month"],)
        self.days[place] = self.days.get(place, 0) + facts["days"]
        if self.days[place] > days:
            self._wrong(where, f"with the lines before it, {self.days[place]} days of a month are paid that has {days}")
        if kind == "seat" and line["model"] is not None:
            offer = self._offer(line["price_book"], line["model"])
            self._expect(where, line, price_kind="per_seat" if offer["kind"] == "per_seat" else "none by the seat")
            amount = _rate(offer["rates"], "month") * facts["seat_days"]
        else:
            plan = self.plans[line["price_book"]]
            amount = _rate(plan, "fee_nano") * facts["days"]
            if kind == "seat":
                _fit(plan.get("seats"), dict, "its plan's seats")
                billed = facts["seat_days"] - _rate(plan["seats"], "included") * facts["days"]
                amount = _rate(plan["seats"], "price_nano") * max(0, billed)
            elif (kind == "commitment") != bool(_rate(plan, "allowance_nano") or _rate(plan, "tokens")):
                self._wrong(where, f"its plan makes it no {kind}")
        self._expect(where, line, rated_nano=_half_even(amount, days), nano=_half_even(amount, days))

    def _check_months(self) -> None:
        """Compute what prices of whole months give back, or add: one line for each month, model and such price."""
        groups: dict[tuple[str, str, str], list[Json]] = {}
        for line in self.lines:
            used = line["kind"] in ("usage", "correction") and "tokens" not in line["facts"]
            if line["model"] is not None and (used or line["kind"] == "adjustment"):
                groups.setdefault((line["month"], line["model"], line["price_book"]), []).append(line)
        for (month, model, book), group in groups.items():
            self._try(f"{model[:80]} in {month[:7]}", self._check_month, group, model, book)

    def _check_month(self, group: list[Json], model: str, book: str) -> None:
        offer = self._offer(book, model)
        settled = [line for line in group if line["kind"] == "adjustment"]
        used = [line for line in group if line["kind"] != "adjustment"]
        if len(settled) != (offer["kind"] in _MONTHLY):
            raise Unreadable(f"{len(settled)} lines settle a month of a price of kind {offer['kind']}")
        for line in settled:
            earlier = {name[7:]: count for name, count in line["facts"].items() if name.startswith("before_")}
            served_before = earlier.pop("served", 0)
            before = _usage(earlier)
            total = {name: before[name] + sum(_usage(one["usage"])[name] for one in used) for name in _DIMENSIONS}
            served = served_before + sum(one["facts"]["served"] for one in used)
            charged = sum(one["rated_nano"] + one["facts"].get("capped_nano", 0) for one in used)
            paid = sum(one["covered"].get(funding, 0) for one in used for funding in ("prepaid", "postpaid"))
            nano = _month_price(offer, total, served) - _month_price(offer, before, served_before) - charged
            where, counted = f"line {line['number']}", line | {"usage": _usage(line["usage"])}
            self._expect(where, counted | line["facts"], served=served, usage=total, price_kind=offer["kind"])
            self._expect(where, line, rated_nano=nano, nano=max(nano, -paid))

    def _check_totals(self) -> None:
        document, gross = self.document, [0] * len(self.document["taxes"])
        for line in self.lines:
            if not 0 <= line["tax"] < len(gross):
                self._wrong(f"line {line['number']}", "it bears a tax that is not on the invoice")
                continue
            tax, before = document["taxes"][line["tax"]], gross[line["tax"]]
            gross[line["tax"]] += line["minor"]
            net = _taxed(gross[line["tax"]], tax)[0] - _taxed(before, tax)[0]
            self._expect(f"line {line['number']}", line, net_minor=net)
        for place, (tax, sum_) in enumerate(zip(document["taxes"], gross, strict=True), start=1):
            base, due = _taxed(sum_, tax)
            self._expect(f"tax {place} ({tax['name'][:40]})", tax, base_minor=base, tax_minor=due)
        net, owed = (sum(tax[name] for tax in document["taxes"]) for name in ("base_minor", "tax_minor"))
        prepaid = sum(line["covered"].get("prepaid", 0) for line in self.lines) + document["paid_carried_nano"]
        paid = _half_even(prepaid, self.unit)
        self._expect("invoice", document, net_minor=net, tax_minor=owed, total_minor=net + owed, paid_minor=paid)
        due = 0 if document["kind"] == "statement" else net + owed - paid
        self._expect("invoice", document, due_minor=due, paid_carry_nano=prepaid - paid * self.unit)


def _taxed(gross: int, tax: Json) -> tuple[int, int]:
    """Split an amount into what is net and its tax."""
    whole = 10_000 + tax["rate_bp"] if tax["inclusive"] else 10_000
    owed = _half_even(gross * tax["rate_bp"], max(1, whole))
    return (gross - owed if tax["inclusive"] else gross), owed


def main(arguments: list[str] | None = None) -> int:
    """Check what the command line names: 0 if all is right, 1 if something is wrong, 2 if it can't be read."""
    parser = argparse.ArgumentParser(description="Check a Courtyard invoice offline, from its receipts.")
    parser.add_argument("invoice", type=Path, help="invoice.json")
    parser.add_argument("receipts", type=Path, nargs="?", help="receipts.jsonl; a credit note has none")
    parser.add_argument("--key", type=Path, required=True, help="operator.pub, which the operator published")
    given = parser.parse_args(arguments)
    try:
        with given.receipts.open("rb") if given.receipts else nullcontext(()) as receipts:
            verdict = verify(given.invoice.read_bytes(), receipts, given.key.read_bytes())
    except (Unreadable, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for problem in verdict.problems:
        sys.stdout.write(f"wrong  {problem.where}: {problem.what}\n")
    state = "is right" if not verdict.problems else f"has {len(verdict.problems)} problems"
    sys.stdout.write(f"{verdict.number} {state}: {verdict.lines} lines, {verdict.receipts} receipts, {verdict.total}\n")
    return 1 if verdict.problems else 0


if __name__ == "__main__":
    sys.exit(main())
