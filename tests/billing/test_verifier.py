"""The verifier under attack: whatever is changed, left out or doubled is found, and nothing makes it fall over."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from courtyard.billing import BillingSettings, Party, TaxRule, pem, proof, rules, verifier
from courtyard.billing.verifier import Unreadable, Verdict, verify
from courtyard.core.clock import FrozenClock
from courtyard.core.principal import Role
from courtyard.core.usage import Usage
from courtyard.ledger import Funding
from courtyard.licensing import Plan, SeatTerms
from courtyard.storage import Database
from tests.billing.house import Books, moment
from tests.billing.sample import KEY
from tests.billing.sample import sample as sample_invoice

Json = dict[str, Any]


class Bill:
    """An invoice and its receipts, to be changed, and signed again as an operator who lies would."""

    def __init__(self, invoice: Json, receipts: list[Json], key: Ed25519PrivateKey) -> None:
        self.invoice, self.receipts, self.key = invoice, receipts, key

    def copy(self) -> "Bill":
        return Bill(json.loads(json.dumps(self.invoice)), json.loads(json.dumps(self.receipts)), self.key)

    def sign(self) -> None:
        self.invoice["proof"].pop("signature", None)
        self.invoice["proof"]["signature"] = self.key.sign(rules.canonical(self.invoice)).hex()

    def check(self) -> Verdict:
        lines = [json.dumps(row).encode() for row in self.receipts]
        return verify(json.dumps(self.invoice).encode(), lines, pem(self.key.public_key()).encode())

    def problems(self) -> list[str]:
        return [f"{problem.where}: {problem.what}" for problem in self.check().problems]


@pytest.fixture(scope="module")
def bill(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Bill:
    """A bill with use of four kinds of prices, a correction, a fee, seats, an adjustment, a tax and a carry."""
    directory = tmp_path_factory.mktemp("bill")
    (directory / "courtyard.db").write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{directory / 'courtyard.db'}")
    books = Books(database, directory, FrozenClock(), BillingSettings(taxes=(TaxRule(name="VAT", rate_bp=1900),)))
    books.go("2026-10-01")
    books.price()
    books.price({"tiers": [{"up_to": 3_000_000, "rate": 10**9}, {"rate": 10**8}]}, kind="graduated", model="tiered")
    books.price({"size": 1000, "price": 10**8, "of": "requests"}, kind="package", model="packed")
    books.price({"request": 12_345_678}, kind="flat", model="flat")
    books.price({"month": 10**9}, kind="per_seat", model="seated")
    books.licensing.add_plan(
        Plan(name="team", currency="USD", fee_nano=10**10, seats=SeatTerms(price_nano=10**9), credit_line_nano=10**14)
    )
    books.licensing.sign(books.organisation, "team", starts_ms=moment("2026-10-01"))
    person = books.identity.add_person(books.organisation, email="a@clinique.example", role=Role.MEMBER).id
    books.licensing.assign(books.organisation, person)
    wallet, credit, prepaid = books.wallet(), books.wallet(Funding.CREDIT), books.wallet(Funding.PREPAID)
    books.use(Usage(input=1_234_567, output=89), wallet, at="2026-10-05")
    books.use(Usage(input=1_000_000), wallet, at="2026-10-05", model="tiered")
    books.go("2026-11-01")
    books.billing.issue(books.organisation, "2026-10")
    books.use(Usage(input=4_000), wallet, at="2026-10-31T23:00")
    for place in range(3):
        books.use(Usage(input=2_000_000 + place, output=7), [(wallet, 10**8 + 10**8), (credit, 2_800 + place * 100)])
        books.use(Usage(input=1_500_000), prepaid, model="tiered", project="prj_lab")
        books.use(Usage(output=place), wallet, model="flat")
    books.use(Usage(input=3), wallet, model="packed")
    books.billing.adjust(books.organisation, currency="USD", nano=-123_456_789, reason="Outage")
    books.go("2026-12-01")
    (invoice,) = books.billing.issue(books.organisation, "2026-11")
    key = books.keyring.signing_key("operator")
    made = Bill(
        json.loads(books.billing.text(invoice.number)),
        [json.loads(line) for line in books.billing.receipts_of(invoice.number)],
        key,
    )
    books.committer.close()
    database.close()
    return made


def test_an_honest_bill_is_right(bill: Bill):
    """Every kind of line is on it, and nothing is wrong with any of them."""
    found = bill.check()

    assert found.problems == ()
    assert {line["kind"] for line in bill.invoice["lines"]} == {
        "carry", "fee", "seat", "usage", "correction", "adjustment"
    }  # fmt: skip
    assert (found.lines, found.receipts) == (len(bill.invoice["lines"]), len(bill.receipts))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a document has a number, a text or a truth."""
    if isinstance(value, dict):
        return [found for name, item in value.items() for found in leaves(item, (*path, name))]
    if isinstance(value, list):
        return [found for place, item in enumerate(value) for found in leaves(item, (*path, place))]
    return [path]


def flip(document: Any, path: tuple[Any, ...]) -> None:
    """Change one value to another of its type."""
    *steps, last = path
    for step in steps:
        document = document[step]
    match document[last]:
        case bool(was):
            document[last] = not was
        case int(was):
            document[last] = was + 1
        case str(was):
            document[last] = was[:-1] + ("0" if was[-1] != "0" else "1") if was else "x"
        case None:
            document[last] = "x"


def test_every_field_of_an_invoice_that_is_changed_is_found(bill: Bill):
    """One value after the other is changed: each time the signature, at least, is wrong."""
    for path in leaves(bill.invoice):
        changed = bill.copy()
        flip(changed.invoice, path)
        try:
            found = changed.problems()
        except Unreadable:
            continue

        assert found, path


def test_every_amount_that_an_operator_falsifies_is_found_without_the_signature(bill: Bill):
    """An operator who changes any number of a line, a tax or a sum, and signs that, is found by computing it again."""
    told = {"issued_at_ms", "due_at_ms", "period_from_ms", "period_until_ms", "rate_bp"}
    numbers = [
        path for path in leaves(bill.invoice) if path[-1] not in told and type(value_at(bill.invoice, path)) is int
    ]
    # How many people shared days of seats changes nothing that is paid.
    numbers = [
        path for path in numbers if path[-1] != "quantity" or value_at(bill.invoice, path[:-1])["kind"] != "seat"
    ]
    for path in numbers:
        changed = bill.copy()
        flip(changed.invoice, path)
        changed.sign()
        found = changed.problems()

        assert found, path
        assert not any(problem.startswith("signature") for problem in found)
    assert len(numbers) > 100


def value_at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def test_every_field_of_a_receipt_that_is_changed_is_found_and_named(bill: Bill):
    """One value of one receipt after the other is changed, inside its entry too: that receipt or its line is named."""
    for place, row in enumerate(bill.receipts):
        entry = json.loads(row["entry"])
        for path in leaves(entry):
            changed = bill.copy()
            altered = json.loads(row["entry"])
            flip(altered, path)
            changed.receipts[place]["entry"] = json.dumps(altered, separators=(",", ":"))

            assert any(problem.startswith(("receipt", "line")) for problem in changed.problems()), path
        for name in row:
            changed = bill.copy()
            flip(changed.receipts[place], (name,))

            assert changed.problems(), name


def test_a_receipt_whose_digest_was_made_to_fit_is_found_on_its_line(bill: Bill):
    """Where the digest was computed anew for another use, the line's root and sums are not those of the invoice."""
    changed = bill.copy()
    place = next(place for place, row in enumerate(changed.receipts) if '"model":"small"' in row["entry"])
    row = changed.receipts[place]
    row["entry"] = row["entry"].replace('"outcome":"complete"', '"outcome":"hangup"')
    row["digest"] = sha256(bytes.fromhex(row["previous"]) + row["entry"].encode()).hexdigest()

    assert any(problem.startswith(f"line {row['line']}: root") for problem in changed.problems())


def test_a_missing_receipt_is_named_by_line_and_leaf(bill: Bill):
    """Leaving any one out is found on the line that it belongs to."""
    for place, row in enumerate(bill.receipts):
        changed = bill.copy()
        del changed.receipts[place]

        assert any(
            f"line {row['line']}: 1 of its" in found and f"leaf {row['leaf']}" in found for found in changed.problems()
        )


def test_a_receipt_that_is_there_twice_is_named(bill: Bill):
    """The same leaf again, and the same request under two leaves."""
    twice = bill.copy()
    twice.receipts.append(twice.receipts[0])
    other = bill.copy()
    small = [row for row in other.receipts if row["line"] == other.receipts[1]["line"]]
    small[-1].update({name: small[0][name] for name in ("previous", "digest", "entry")})

    assert any("on the invoice twice" in found for found in twice.problems())
    assert len(small) == 1 or any("on the invoice twice" in found for found in other.problems())


def test_receipts_are_taken_in_any_order(bill: Bill):
    """The rows say where they belong."""
    turned = bill.copy()
    turned.receipts.reverse()

    assert turned.problems() == []


def test_a_changed_price_book_is_named(bill: Bill):
    """Prices that are not those of the digest are found, and so is a digest that receipts do not name."""
    changed = bill.copy()
    digest, text = next((name, text) for name, text in changed.invoice["prices"].items() if '"small"' in text)
    changed.invoice["prices"][digest] = text.replace("100000000", "100000001")
    changed.sign()
    other = bill.copy()
    other.invoice["prices"] = {}
    other.sign()

    assert f"prices {digest[:12]}: the document is not the one that its SHA-256 names" in changed.problems()
    assert any("it can't be computed" in found and digest[:12] in found for found in other.problems())


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (lambda bill: bill["taxes"][0].update(tax_minor=bill["taxes"][0]["tax_minor"] + 1), "tax 1 (VAT): tax_minor"),
        (lambda bill: bill.update(total_minor=bill["total_minor"] - 1), "invoice: total_minor"),
        (lambda bill: bill.update(due_minor=bill["due_minor"] + 1), "invoice: due_minor"),
        (lambda bill: bill["lines"].append({**line_of(bill, "fee"), "number": 99}), "60 days of a month"),
        (lambda bill: bill["lines"].append({**line_of(bill, "seat"), "number": 99}), "60 days of a month"),
        (lambda bill: bill["lines"][0].update(nano=10**10), "rounding leaves half"),
        (lambda bill: bill.update(paid_carried_nano=-(10**10)), "rounding leaves half"),
        (lambda bill: disguise(settled_of(bill)), ": nano stands as 10000000000"),
        (lambda bill: line_of(bill, "fee").update(model="small"), "is for no model"),
        (lambda bill: bill.update(kind="credit_note"), "names the invoice that it corrects"),
        (lambda bill: bill.update(kind="bill"), "no document of kind"),
        (lambda bill: bill["accounts"].update(acct_none="gift"), "is no funding"),
        (lambda bill: bill["accounts"].clear(), "its wallets were charged 0"),
        (lambda bill: bill.update(currency="JPY"), "in another currency"),
        (lambda bill: bill.update(organisation="org_other"), "organisation stands as"),
        (lambda bill: bill.update(period_until_ms=bill["period_from_ms"] + 1), "does not belong on line"),
    ],
)
def test_what_an_operator_makes_up_is_named(bill: Bill, lie: Callable[[Json], None], found: str):
    """A lie that is signed is still one: the place where it does not add up is said."""
    changed = bill.copy()
    lie(changed.invoice)
    changed.sign()

    assert any(found in problem for problem in changed.problems()), changed.problems()


def disguise(line: Json) -> None:
    """An amount that nothing explains, on a line that looks as if tokens had paid for it."""
    line["facts"]["tokens"] = 1
    line["nano"] = 10**10


def line_of(invoice: Json, kind: str) -> Json:
    return next(line for line in invoice["lines"] if line["kind"] == kind)


def settled_of(invoice: Json) -> Json:
    return next(line for line in invoice["lines"] if line["kind"] == "adjustment" and line["model"] is not None)


def test_another_key_is_not_the_operators(bill: Bill):
    """A bill that somebody else signed is refused by the operator's published key."""
    forged = bill.copy()
    forged.key = KEY
    forged.invoice["proof"]["public_key"] = KEY.public_key().public_bytes_raw().hex()
    forged.sign()
    forged.key = bill.key

    assert [found.partition(":")[0] for found in forged.problems()] == ["signature", "signature"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "can't be read"),
        (b"\xff\xfe", "can't be read"),
        (b"[" * 200_000, "can't be read"),
        (b'{"a":NaN}', "not a whole number"),
        (b'{"a":1.5}', "not a whole number"),
        (b'{"a":1e400}', "not a whole number"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":"\\ud800"}', "can't be read"),
        (b'{"a":' + b"9" * 5000 + b"}", "can't be read"),
        (b"[]", "no dict"),
        (b"{}", "lacks"),
        (b" " * (65 << 20), "larger"),
    ],
)
def test_what_is_no_invoice_is_said_to_be_none(text: bytes, reason: str):
    """Hostile bytes end with a reason."""
    with pytest.raises(Unreadable, match=reason):
        verify(text, [], pem(KEY.public_key()).encode())


@pytest.mark.parametrize("key", [b"", b"zz" * 32, b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"])
def test_what_is_no_key_is_said_to_be_none(key: bytes):
    """So does a key that is none."""
    with pytest.raises(Unreadable, match="key"):
        verify(rules.canonical(sample_invoice()), [], key)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_makes_the_verifier_fall_over(bill: Bill, data: st.DataObject):
    """Any value in any place of the invoice, its prices, its plans or a receipt is found or refused; nothing raises."""
    changed = bill.copy()
    texts = [(changed.invoice[part], name) for part in ("prices", "plans") for name in changed.invoice[part]]
    inner = data.draw(st.sampled_from(["invoice", "receipt", "entry", *range(len(texts))]))
    match inner:
        case "invoice":
            place_at(changed.invoice, data)
        case "receipt":
            place_at(data.draw(st.sampled_from(changed.receipts)), data)
        case "entry":
            row = data.draw(st.sampled_from(changed.receipts))
            row["entry"] = replaced(row["entry"], data)
            row["digest"] = sha256(bytes.fromhex(row["previous"]) + row["entry"].encode()).hexdigest()
        case _:
            holder, name = texts[inner]
            holder[name] = replaced(holder[name], data)
    if data.draw(st.booleans()):
        changed.sign()
    try:
        found = changed.problems()
    except Unreadable:
        return

    assert found or changed.invoice == bill.invoice or changed.receipts != bill.receipts or inner == "invoice"


def place_at(document: Any, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(leaves(document)))
    cut = data.draw(st.integers(1, len(path)))
    *steps, last = path[:cut]
    value_at(document, tuple(steps))[last] = data.draw(_JSON)


def replaced(text: str, data: st.DataObject) -> str:
    document = json.loads(text)
    place_at(document, data)
    return json.dumps(document, separators=(",", ":"), sort_keys=True)


@given(name=st.text(max_size=30), reason=st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_what_is_signed_reads_the_same_to_both(name: str, reason: str):
    """Whatever people are called, the verifier writes the canonical JSON that the operator signed."""
    invoice = replace(sample_invoice(), buyer=Party(name=name), reason=reason)
    text = rules.canonical(proof.sign(invoice, KEY))
    found = verify(text, [], pem(KEY.public_key()).encode())

    assert not [problem for problem in found.problems if problem.where == "signature"]


def test_it_is_one_file_that_runs_alone(bill: Bill, tmp_path: Path):
    """Copied anywhere, with Python and cryptography, it says what is right and what is wrong, and exits by it."""
    script = tmp_path / "verifier.py"
    script.write_text(Path(verifier.__file__).read_text())
    wrong = bill.copy()
    wrong.invoice["lines"][1]["minor"] += 1
    (tmp_path / "operator.pub").write_text(pem(bill.key.public_key()))
    (tmp_path / "receipts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in bill.receipts))
    (tmp_path / "right.json").write_text(json.dumps(bill.invoice, indent=2))
    (tmp_path / "wrong.json").write_text(json.dumps(wrong.invoice))
    (tmp_path / "none.json").write_text("{")

    def run(name: str) -> tuple[int, str]:
        words = [sys.executable, "-I", script.name, name, "receipts.jsonl", "--key", "operator.pub"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run("right.json")[0] == 0
    assert "is right" in run("right.json")[1]
    assert run("wrong.json")[0] == 1
    assert "line 2: minor" in run("wrong.json")[1]
    assert run("none.json") == (2, run("none.json")[1])
    assert "can't be read" in run("none.json")[1]


def test_it_imports_nothing_of_ours():
    """The file names the standard library and cryptography alone."""
    tree = ast.parse(Path(verifier.__file__).read_text())
    names = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert names <= {*sys.stdlib_module_names, "cryptography"}
