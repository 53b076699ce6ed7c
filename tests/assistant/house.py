"""Every room behind the assistant, and an engine that a test can hold, break and listen to."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from courtyard.assistant import Assistant, AssistantSettings, Message, Piece, Reply
from courtyard.catalogue import Catalogue, CatalogueSettings
from courtyard.core.amount import Amount, money
from courtyard.core.chat import Delta, Embeddings, Finish, Kind, Prompt
from courtyard.core.clock import Clock, SystemClock
from courtyard.core.errors import ContextOverflow, CourtyardError, EngineFailed
from courtyard.core.ids import Region
from courtyard.core.principal import Principal
from courtyard.core.usage import Usage
from courtyard.engines import EngineSettings, Health
from courtyard.evidence import Evidence
from courtyard.identity import Identity
from courtyard.knowledge import Grounding
from courtyard.ledger import Ledger, Purpose
from courtyard.licensing import Licensing
from courtyard.policy import Policy
from courtyard.pricing import Pricing
from courtyard.serving import Pool, Serving
from courtyard.storage import Committer, Database, Keyring
from tests.knowledge.shelf import Shelf

USD = money("USD")
MODEL = "parrot"


class Parrot:
    """Says the question back, word by word; a test can hold it, make it fail, and look at what it was told."""

    def __init__(self, settings: EngineSettings) -> None:
        self.name = settings.name
        self.region = settings.region
        self.heard: list[list[dict[str, str]]] = []
        self.hung_up = 0
        self.words_max: int | None = None
        """How many words come before it waits for ever."""
        self.silent = asyncio.Event()
        self.fails_after: int | None = None
        self.context_bytes_max: int | None = None
        self.thinks = False

    async def start(self) -> None: ...

    async def generate(self, model: str, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        messages = msgspec.json.decode(prompt.content)
        self.heard.append(messages)
        if self.context_bytes_max is not None and len(bytes(prompt.content)) > self.context_bytes_max:
            raise ContextOverflow("the prompt has more tokens than the context")
        if self.thinks:
            yield Delta(reasoning="Hm. ", tokens=1)
        words = messages[-1]["content"].split(" ")
        try:
            for number, word in enumerate(words):
                if number == self.fails_after:
                    raise EngineFailed("the parrot flew away")
                if number == self.words_max:
                    self.silent.set()
                    await asyncio.Event().wait()
                yield Delta(text=word if number == 0 else f" {word}", tokens=1)
        except (GeneratorExit, asyncio.CancelledError):
            self.hung_up += 1
            raise
        yield Delta(finish=Finish.STOP, usage=Usage(input=10, output=len(words) + self.thinks))

    async def embed(self, model: str, prompt: Prompt) -> Embeddings:
        raise EngineFailed("parrots have no vectors")

    async def health(self) -> Health:
        return Health(ready=True)

    async def close(self) -> None: ...


class Rooms:
    """The house as the assistant sees it: one organisation, a person and a stranger, a wallet, a price, a parrot."""

    def __init__(
        self,
        database: Database,
        directory: Path,
        *,
        clock: Clock | None = None,
        settings: AssistantSettings | None = None,
        wallet_nano: int = 10**12,
        shelved: Mapping[str, tuple[str, Mapping[str, Sequence[str]]]] | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.clock = clock
        self.database = database
        self.directory = directory
        self.committer = Committer()
        keyring = self.keyring = Keyring(directory / "keys")
        self.identity = Identity(database, keyring, clock, home=Region("home"))
        self.catalogue = Catalogue(database, clock, settings=CatalogueSettings(directory=directory / "models"))
        self.pricing = Pricing(database, clock)
        self.ledger = Ledger(database, keyring, self.committer, clock, directory=directory / "journal")
        self.evidence = Evidence(directory / "evidence", keyring, self.committer, clock)
        self.licensing = Licensing(self.ledger, self.pricing, database, clock)
        self.pool = Pool({"openai_compatible": self._hatch}, clock)
        set_up = self.identity.setup()
        organisation = set_up.organisation.id
        self.serving = Serving(
            policy=Policy.of(["models", "size", "residency"]),
            licensing=self.licensing,
            ledger=self.ledger,
            catalogue=self.catalogue,
            pool=self.pool,
            evidence=self.evidence,
            clock=clock,
            grounding=Grounding(Shelf(organisation, shelved)) if shelved else None,
        )
        self.assistant = Assistant(database, self.serving, clock, settings=settings or AssistantSettings())
        self.catalogue.add(
            MODEL,
            url="http://127.0.0.1:9",
            engine=MODEL,
            kinds=[Kind.CHAT],
            context_tokens=4096,
            aliases=["default"],
        )
        self.me = self._principal(str(set_up.person.id))
        self.pricing.set_price("*", {"input": 10**9, "output": 2 * 10**9}, currency="USD")
        self.wallet = self.ledger.open_account(organisation, purpose=Purpose.WALLET, unit=USD)
        if wallet_nano:
            self.ledger.top_up(self.wallet.id, Amount(wallet_nano, USD), "a test")

    def stranger(self) -> Principal:
        """Somebody else of the same organisation."""
        person = self.identity.add_person(self.me.organisation, email="stranger@example.org")
        return self._principal(str(person.id))

    def _principal(self, person: str) -> Principal:
        token = self.identity.one_time_link(person)
        return self.identity.sign_in_by_link(token).session.principal

    def _hatch(self, settings: EngineSettings) -> Parrot:
        self.parrot = Parrot(settings)
        return self.parrot

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Assistant]:
        """Serve for the length of a block."""
        self.ledger.open()
        self.evidence.open()
        await self.ledger.start()
        await self.pool.follow(self.catalogue.engines())
        try:
            yield self.assistant
        finally:
            await self.pool.close()
            await self.ledger.stop()
            self.evidence.close()

    def close(self) -> None:
        self.committer.close()


async def whole(reply: Reply) -> Message:
    """Read an answer to its end."""
    return (await everything(reply))[1]


async def everything(reply: Reply) -> tuple[list[Piece], Message]:
    """Read an answer to its end: its pieces, and what was kept."""
    events: list[Any] = [event async for event in reply]
    return events[:-1], events[-1]


async def refused(reply: Reply, error: type[CourtyardError]) -> Message:
    """Read an answer that is a refusal."""
    message = await whole(reply)
    assert message.error == error.code, message.reason
    return message
