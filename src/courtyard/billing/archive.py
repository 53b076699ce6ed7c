"""What was issued and to whom: customers, documents, the receipts behind them, and the audit of it all."""

import json
from collections.abc import Iterator

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from courtyard.billing import rules, store
from courtyard.billing.checking import Finding, check_series
from courtyard.billing.drafting import Drafting, Placed
from courtyard.billing.model import BillingSettings, Customer, DocumentKind, Inclusion, Invoice, Party
from courtyard.core.amount import currency as currency_of
from courtyard.core.clock import Clock
from courtyard.core.errors import InvalidRequest, NotFound
from courtyard.core.ids import OrganisationId
from courtyard.identity import Identity
from courtyard.ledger import Ledger
from courtyard.licensing import Licensing
from courtyard.pricing import Pricing
from courtyard.storage import Database, Keyring, tree

_PAGE = 50


class Archive:
    """Customers and documents as people read them."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        identity: Identity,
        ledger: Ledger,
        pricing: Pricing,
        licensing: Licensing,
        settings: BillingSettings = BillingSettings(),
    ) -> None:
        self._database = database
        self._clock = clock
        self._identity = identity
        self._ledger = ledger
        self._pricing = pricing
        self._licensing = licensing
        self._settings = settings
        self._key = keyring.signing_key("operator")
        self._drafting = Drafting(identity, ledger, pricing, licensing, settings=settings)

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What documents are checked with."""
        return self._key.public_key()

    def customer(self, organisation: OrganisationId) -> Customer:
        """Say how an organisation's invoices are addressed; by its name alone, until somebody says more."""
        with self._database.reading() as db:
            found = store.read_customer(db, organisation)
        if found is not None:
            return found
        names = {known.id: known.name for known in self._identity.organisations()}
        if organisation not in names:
            raise NotFound(f"there is no organisation {organisation!r}")
        return Customer(
            organisation=organisation, party=Party(name=names[organisation]), payment_days=self._settings.payment_days
        )

    def customers(self) -> tuple[Customer, ...]:
        """List every organisation as its invoices are addressed."""
        with self._database.reading() as db:
            said = {customer.organisation: customer for customer in store.read_customers(db)}
        days = self._settings.payment_days
        return tuple(
            said.get(known.id) or Customer(organisation=known.id, party=Party(name=known.name), payment_days=days)
            for known in self._identity.organisations()
        )

    def set_customer(self, customer: Customer) -> None:
        """Address an organisation's invoices from now on; what was issued keeps what it says.

        Raises:
            InvalidRequest: a country is not two capital letters, or the time to pay is none.
        """
        rules.check_country(customer.party.country)
        for text in (*msgspec.structs.asdict(customer.party).values(), *customer.party.address, customer.reference):
            if isinstance(text, str):
                rules.check_line(text, "what is said of a customer")
        if not 0 <= customer.payment_days <= 365:
            raise InvalidRequest("an invoice is due after 0 to 365 days")
        with self._database.transaction() as db:
            store.write_customer(db, customer, at_ms=self._clock.now_ms())

    def document(self, number: str) -> Invoice:
        """Read a document.

        Raises:
            NotFound: there is none of this number.
        """
        return self._filed(number).invoice

    def text(self, number: str) -> str:
        """Read a document as the canonical JSON that was signed."""
        return self._filed(number).text

    def documents(
        self,
        organisation: OrganisationId | None = None,
        *,
        kind: DocumentKind | None = None,
        before: str | None = None,
        limit: int = _PAGE,
    ) -> tuple[Invoice, ...]:
        """List documents, newest first; `before` is the last number of the page before."""
        with self._database.reading() as db:
            return tuple(store.read_documents(db, organisation=organisation, kind=kind, before=before, limit=limit))

    def corrections(self, number: str) -> tuple[Invoice, ...]:
        """List the credit notes on an invoice."""
        with self._database.reading() as db:
            return tuple(store.read_corrections(db, number))

    def document_of(self, receipt: str) -> str | None:
        """Say which invoice has a request's receipt, or nothing while none has.

        Raises:
            NotFound: there is no such receipt.
        """
        found = self._ledger.receipt(receipt)
        number = self._ledger.number_of(receipt)
        if number is None:
            return None
        code = currency_of(found.cost.unit) or self._pricing.terms(found.price_book).currency
        with self._database.reading() as db:
            return store.find_invoice(db, found.organisation, code, number=number, at_ms=found.at_ms)

    def balance(self, organisation: OrganisationId) -> dict[str, int]:
        """Sum what an organisation's documents ask for, in minor units by currency, whatever was paid since."""
        with self._database.reading() as db:
            return store.read_dues(db, organisation)

    def receipts_of(self, number: str) -> Iterator[str]:
        """Write the receipts of a document as lines of JSON, for `courtyard verify`."""
        for placed in self._drafting.placed(self._filed(number)):
            posted = placed.posted
            line = {
                "line": placed.line,
                "leaf": placed.leaf,
                "previous": posted.previous,
                "digest": posted.digest,
                "entry": posted.entry,
            }
            yield json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n"

    def prove(self, receipt: str) -> Inclusion:
        """Prove that a request's receipt is on its invoice, to somebody who has neither the other receipts nor need.

        Raises:
            NotFound: there is no such receipt, or no invoice has it yet.
        """
        number = self.document_of(receipt)
        if number is None:
            raise NotFound(f"receipt {receipt!r} is on no invoice yet")
        filed = self._filed(number)
        leaves = [b""] * filed.invoice.proof.size
        found: Placed | None = None
        for placed in self._drafting.placed(filed):
            leaves[placed.leaf] = bytes.fromhex(placed.posted.digest)
            if placed.posted.settled.id == receipt:
                found = placed
        assert found is not None, f"{number} has no receipt {receipt}"
        return Inclusion(
            number=number,
            line=found.line,
            leaf=found.leaf,
            size=len(leaves),
            root=filed.invoice.proof.root,
            digest=found.posted.digest,
            path=tuple(node.hex() for node in tree.inclusion(tree.nodes_of(leaves), len(leaves), found.leaf)),
        )

    def check(self) -> tuple[Finding, ...]:
        """Check every document that was ever issued: its number, signature, digest, and the one before it."""
        with self._database.reading() as db:
            return tuple(
                finding
                for kind in DocumentKind
                for finding in check_series(store.read_series(db, kind), self.public_key)
            )

    def _filed(self, number: str) -> store.Filed:
        with self._database.reading() as db:
            found = store.read_document(db, number)
        if found is None:
            raise NotFound(f"there is no document {number!r}; see `courtyard invoices list`")
        return found
