"""The console with every room behind it, and visitors who look at it through HTTP."""

import asyncio
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Protocol, TypeVar, cast

import httpx
import msgspec

from courtyard import plugins
from courtyard.approvals import Approvals
from courtyard.assistant import Assistant, HeldConversations
from courtyard.assurance import Assurance, Sources
from courtyard.billing import Billing, BillingSettings, Party, Payments
from courtyard.catalogue import Catalogue, CatalogueSettings, Providers
from courtyard.console import ConsoleRooms, ConsoleSettings, WallRooms, console_app
from courtyard.core.amount import NANO, Amount, money
from courtyard.core.chat import Kind
from courtyard.core.clock import Clock, FrozenClock
from courtyard.core.ids import AccountId, EngineName, KeyId, ModelName, PersonId, Region, RequestId, new_id
from courtyard.core.principal import Role
from courtyard.core.usage import Usage
from courtyard.documents import Documents
from courtyard.evaluation import Evaluations
from courtyard.evidence import Evidence, HeldRecords
from courtyard.identity import HeldPeople, Identity, IdentitySettings, Person
from courtyard.knowledge import Grounding, Knowledge, KnowledgeSettings
from courtyard.knowledge.indexing import Indexer
from courtyard.ledger import Ledger, Leg, Outcome, Purpose, Receipt, Use
from courtyard.licensing import Licensing
from courtyard.notices import Notices
from courtyard.policy import Gate, Packs, Policy
from courtyard.pricing import Pricing
from courtyard.privacy import Detection, DetectionSettings, Digests, Masking, Register, Vault
from courtyard.serving import Pool, Serving
from courtyard.storage import Committer, Database, Keyring

USD = money("USD")
BILLING = BillingSettings(seller=Party(name="The house", country="DE", city="Berlin", tax_id="DE123456789"))
URL = "http://127.0.0.1:8420"
PASSWORD = "correct horse battery"

_T = TypeVar("_T")
_PROMPT_RATE, _ANSWER_RATE = 150_000_000, 600_000_000


class _Known(Protocol):
    """What the wall's rooms are built beside."""

    database: Database
    clock: Clock
    catalogue: Catalogue
    evidence: Evidence
    identity: Identity


def wall_of(house: _Known, directory: Path, keyring: Keyring) -> WallRooms:
    """The rooms behind the wall; personal data is looked for by its shapes alone, without another process."""
    database, clock = house.database, house.clock
    approvals = Approvals(database, clock)
    gate = Gate(database, approvals, clock)
    detection = Detection(DetectionSettings(detectors=()))
    vault, digests = Vault(database, keyring, clock), Digests(database, keyring, clock)
    conversations, evaluations = HeldConversations(database), Evaluations(database, clock)
    return WallRooms(
        providers=Providers(database, keyring, clock, house.catalogue, approvals=approvals, limit=lambda *_: None),
        packs=Packs(database, keyring, approvals, clock),
        gate=gate,
        approvals=approvals,
        detection=detection,
        masking=Masking(detection, vault),
        register=Register(
            database,
            keyring,
            clock,
            digests=digests,
            vault=vault,
            figures=gate,
            holders=(conversations, HeldRecords(house.evidence, digests), HeldPeople(house.identity)),
            aging=(conversations,),
            organisations=lambda: [one.id for one in house.identity.organisations()],
        ),
        assurance=Assurance(directory / "packs", house.evidence, clock, Sources(figures=gate)),
        evaluations=evaluations,
    )


class House:
    """One organisation with a wallet and an echo engine; its event loop runs in a thread of its own."""

    def __init__(self, database: Database, directory: Path, *, settings: ConsoleSettings = ConsoleSettings()) -> None:
        self.clock = FrozenClock()
        self._committer = Committer()
        keyring = Keyring(directory / "keys")
        cheap = IdentitySettings(argon2_memory_kib=8, argon2_time_cost=1, argon2_parallelism=1)
        self.database = database
        self.directory = directory
        self.identity = Identity(database, keyring, self.clock, home=Region("home"), settings=cheap)
        self.catalogue = Catalogue(database, self.clock, settings=CatalogueSettings(directory=directory / "models"))
        self.catalogue.serve_embedded("echo")
        self.pricing = Pricing(database, self.clock)
        self.ledger = Ledger(database, keyring, self._committer, self.clock, directory=directory / "journal")
        self.evidence = Evidence(directory / "evidence", keyring, self._committer, self.clock)
        licensing = Licensing(self.ledger, self.pricing, database, self.clock)
        self.licensing = licensing
        self.billing = Billing(
            database,
            keyring,
            self.clock,
            identity=self.identity,
            ledger=self.ledger,
            pricing=self.pricing,
            licensing=licensing,
            settings=BILLING,
        )
        self.payments = Payments(database, self.clock, self.ledger)
        self.documents = Documents()
        self.knowledge = Knowledge(database, self.clock, self.documents)
        self._pool = Pool(cast("Any", plugins.load("engines")), self.clock)
        self.serving = Serving(
            policy=Policy.of(("models", "size", "residency")),
            licensing=licensing,
            ledger=self.ledger,
            catalogue=self.catalogue,
            pool=self._pool,
            evidence=self.evidence,
            clock=self.clock,
            grounding=Grounding(self.knowledge),
        )
        self.wall = wall_of(self, directory, keyring)
        self.rooms = ConsoleRooms(
            identity=self.identity,
            catalogue=self.catalogue,
            pricing=self.pricing,
            ledger=self.ledger,
            licensing=licensing,
            serving=self.serving,
            assistant=Assistant(database, self.serving, self.clock),
            knowledge=self.knowledge,
            evidence=self.evidence,
            notices=Notices(database, self.clock),
            billing=self.billing,
            payments=self.payments,
            wall=self.wall,
            clock=self.clock,
            settings=settings,
            health=self._pool.health,
        )
        self.setup = self.identity.setup()
        self.pricing.set_price(ModelName("*"), {"input": _PROMPT_RATE, "output": _ANSWER_RATE}, currency="USD")
        self.wallet = self.ledger.open_account(self.setup.organisation.id, purpose=Purpose.WALLET, unit=USD)
        self.ledger.top_up(self.wallet.id, Amount(100 * NANO, USD), "a test")
        self.app = console_app(self.rooms)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        self.run(self._open())

    def serve(self, model: str) -> None:
        """Serve one more model that comes with the house."""
        self.catalogue.serve_embedded(model, chosen=True)
        self.run(self._pool.follow(self.catalogue.engines()))

    def read_documents(self) -> None:
        """Read every document that waits."""
        indexer = Indexer(self.database, self.clock, self.documents, KnowledgeSettings(names=False))
        while indexer.turn() is not None:
            pass

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something in the house's event loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def person(self, email: str, role: Role, *, organisation: str | None = None) -> Person:
        """Somebody with a password."""
        home = organisation or self.setup.organisation.id
        person = self.identity.add_person(home, email=email, role=role)
        self.identity.set_password(person.id, PASSWORD)
        return self.identity.person(person.id)

    def visitor(self, **headers: str) -> "Visitor":
        """A browser that nobody has signed in with."""
        return Visitor(self, headers)

    def operator(self) -> "Visitor":
        """The operator's browser, signed in."""
        return self.signed_in(self.setup.person)

    def signed_in(self, person: Person, **headers: str) -> "Visitor":
        """Somebody's browser, signed in."""
        visitor = self.visitor(**headers)
        answer = visitor.post("/sign-in", token=self.identity.one_time_link(person.id))
        assert answer.status_code == 303, answer.text
        return visitor

    def use(
        self,
        *,
        model: str = "echo",
        key: KeyId | None = None,
        person: PersonId | None = None,
        organisation: str | None = None,
        usage: Usage = Usage(input=1000, output=500),
        borne: Mapping[AccountId, int] | None = None,
    ) -> Receipt:
        """Use a model, as serving would settle it: on the wallet, or on these accounts so much each."""
        return self.run(self._use(model, key, person, organisation, usage, borne))

    async def _use(
        self,
        model: str,
        key: KeyId | None,
        person: PersonId | None,
        organisation: str | None,
        usage: Usage,
        borne: Mapping[AccountId, int] | None,
    ) -> Receipt:
        priced = self.pricing.priced(ModelName(model))
        counts = borne or {self.wallet.id: priced.price.rate(usage)}
        legs = tuple(Leg(account, Amount(count, USD)) for account, count in counts.items())
        await self.ledger.ensure(list(counts))
        id = RequestId(new_id("req"))
        use = Use(
            id=id,
            organisation=organisation or self.setup.organisation.id,
            project=self.setup.project.id,
            key=key,
            person=person,
            kind=Kind.CHAT,
            model=ModelName(model),
            engine=EngineName("echo"),
            region=Region("home"),
            usage=usage,
            outcome=Outcome.COMPLETE,
            price_book=priced.book,
        )
        settlement = self.ledger.settle(self.ledger.reserve(legs, key=id), legs, use)
        await settlement.committed
        return settlement.receipt

    async def _open(self) -> None:
        await asyncio.to_thread(self.ledger.open)
        await asyncio.to_thread(self.evidence.open)
        await self.ledger.start()
        await self._pool.follow(self.catalogue.engines())

    def close(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._committer.close()
        self.documents.close()

    async def _close(self) -> None:
        await self._pool.close()
        await self.ledger.stop()
        await asyncio.to_thread(self.evidence.close)
        await self._loop.shutdown_default_executor()


class Visitor:
    """A browser: keeps cookies, follows no redirects by itself, and sends forms with the token of the page."""

    def __init__(self, house: House, headers: dict[str, str]) -> None:
        self._house = house
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(house.app, client=("192.0.2.7", 4242)), base_url=URL, headers=headers
        )

    @property
    def cookies(self) -> httpx.Cookies:
        return self._client.cookies

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self._house.run(self._client.get(path, headers=headers))

    def token(self) -> str:
        """The token that a form on one of this browser's pages would carry."""
        found = re.search(r'<meta name="csrf" content="([^"]+)">', self.get("/nothing").text)
        assert found is not None
        return found[1]

    def post(self, path: str, *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """Send a form from one of our pages."""
        return self.send(path, {"csrf": self.token(), **fields}, headers=headers)

    def send(self, path: str, fields: dict[str, Any], *, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send exactly these fields."""
        return self._house.run(self._client.post(path, data=fields, headers=headers or {}))

    def bring(self, path: str, name: str, content: bytes) -> httpx.Response:
        """Send a file as a page's script does."""
        headers = {"x-csrf-token": self.token(), "content-type": "application/octet-stream"}
        sending = self._client.post(path, params={"name": name}, content=content, headers=headers)
        return self._house.run(sending)

    def ask(self, path: str, body: Any, *, token: str | None = None) -> httpx.Response:
        """Send JSON as a page's script does."""
        headers = {"x-csrf-token": self.token() if token is None else token, "content-type": "application/json"}
        return self._house.run(self._client.post(path, content=msgspec.json.encode(body), headers=headers))


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """A cookie as a response sets it."""

    value: str
    attributes: tuple[str, ...]


def cookies_set(answer: httpx.Response) -> dict[str, Cookie]:
    """Read the `Set-Cookie` headers of a response, attributes in lower case."""
    found = {}
    for header in answer.headers.get_list("set-cookie"):
        pair, *attributes = (part.strip() for part in header.split(";"))
        name, _, value = pair.partition("=")
        found[name] = Cookie(value=value, attributes=tuple(attribute.lower() for attribute in attributes))
    return found
