"""A small world with a border: engines of several providers in several regions, and rules that change amid requests."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Raw
from msgspec.json import encode
from msgspec.structs import replace

from courtyard.catalogue import Caps
from courtyard.core.admission import Admission, Obligation
from courtyard.core.amount import REQUEST, Amount, money
from courtyard.core.chat import Delta, Embeddings, Finish, Kind, Prompt, Request
from courtyard.core.clock import FrozenClock, SystemClock
from courtyard.core.errors import Busy, CourtyardError, EngineFailed
from courtyard.core.ids import HOME, AccountId, EngineName, ModelName, ProviderId, Region, RequestId
from courtyard.core.principal import Principal
from courtyard.core.usage import Usage
from courtyard.engines import EngineSettings, Health
from courtyard.evidence import Evidence
from courtyard.identity import Identity
from courtyard.ledger import Ledger, Period, Purpose
from courtyard.licensing import Licensing
from courtyard.policy import Decision, Facts, Policy
from courtyard.policy.builtin.residency import Residency
from courtyard.pricing import Pricing
from courtyard.privacy import Detection, DetectionSettings, Masking, Vault
from courtyard.serving import Answer, Pool, Serving, Wall
from courtyard.storage import Committer, Database
from tests.catalogue.providing import ANA, BEN, Provided, facts

HERE, EU, MARS = Region("here"), Region("eu"), Region("mars")
REGIONS = (HERE, EU, MARS)
PROVIDERS = (HOME, ProviderId("acme"), ProviderId("other"))
SECRET = "anna.lund@example.org"
MODEL = "m"
_MANY = 10**9
_PLENTY = Caps(requests=None, tokens=None, persons=None)


class Gate:
    """A pack that changes its mind."""

    def __init__(self, chance: random.Random) -> None:
        self.active = False
        self.chance = chance
        self.refused: set[tuple[str, str]] = set()
        self.masks = ""

    def decide(self, facts: Facts) -> Decision:
        allowed = (facts.provider, facts.region) not in self.refused
        asked = (Obligation("mask", self.masks),) if self.masks and facts.tier != "home" else ()
        return Decision(allowed=allowed, rules=("rule",), obligations=asked, pack="p@1.0.0", facts="f")

    def change(self) -> None:
        self.active = self.chance.random() < 0.7
        places = [(provider, region) for provider in PROVIDERS for region in REGIONS]
        self.refused = set(self.chance.sample(places, self.chance.randrange(len(places))))
        self.masks = self.chance.choice(["", "reversible", "irreversible"])


class Noting(Policy):
    """Remembers what it admitted, by request."""

    admitted: dict[str, Admission]

    def admit(self, principal: Principal, request: Request, *more: Any, **named: Any) -> Admission:
        admission = super().admit(principal, request, *more, **named)
        self.admitted[request.id] = admission
        return admission


class Engine:
    """Stands in one region at one provider, notes what it is asked there, and fails as chance has it."""

    def __init__(self, settings: EngineSettings, world: "Crossing") -> None:
        self.name, self.region, self.provider = settings.name, settings.region, settings.provider
        self._world = world

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def health(self) -> Health:
        return Health(ready=True)

    async def generate(self, model: str, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        self._world.asked(self, prompt)
        await asyncio.sleep(0)
        self._fail()
        for word in ("one ", "two ", "three"):
            yield Delta(text=word, tokens=1)
            await asyncio.sleep(0)
            if self._world.chance.random() < 0.05:
                raise EngineFailed("it broke off")
        yield Delta(finish=Finish.STOP, usage=Usage(input=5, output=3))

    async def embed(self, model: str, prompt: Prompt) -> Embeddings:
        self._world.asked(self, prompt)
        await asyncio.sleep(0)
        self._fail()
        return Embeddings(data=Raw(b"[]"), usage=Usage(input=5))

    def _fail(self) -> None:
        draw = self._world.chance.random()
        if draw < 0.5:
            raise EngineFailed("it failed") if draw < 0.4 else Busy("it is full")


class Crossing:
    """Everything that a seed decides, and what must hold whenever an engine is asked."""

    def __init__(self, database: Database, directory: Path, *, seed: int) -> None:
        self.chance = random.Random(seed)
        clock = SystemClock()
        self.breaking = FrozenClock()
        """By what engines that failed are tried again: a second a step."""
        self.provided = Provided(database, clock, directory)
        for id in PROVIDERS[1:]:
            regions = frozenset({EU, MARS})
            self.provided.admitted(id, said=facts(regions=regions, tier="allied", mask="reversible"), caps=_PLENTY)
        self.providers = self.provided.providers
        self.identity = Identity(database, self.provided.keyring, clock, home=HERE)
        pricing = Pricing(database, clock)
        pricing.set_price("*", {"input": 1, "output": 1}, currency="USD")
        committer = Committer()
        self.ledger = Ledger(database, self.provided.keyring, committer, clock, directory=directory / "journal")
        self.evidence = Evidence(directory / "evidence", self.provided.keyring, committer, clock)
        self.pool = Pool({"openai_compatible": lambda settings: Engine(settings, self)}, self.breaking)
        self.gate = Gate(self.chance)
        self.policy = Noting([Residency()], gate=self.gate)
        self.policy.admitted = {}
        detection = Detection(DetectionSettings(detectors=()))
        vault = Vault(database, self.provided.keyring, clock)
        self.serving = Serving(
            policy=self.policy,
            licensing=Licensing(self.ledger, pricing, database, clock),
            ledger=self.ledger,
            catalogue=self.provided.catalogue,
            pool=self.pool,
            evidence=self.evidence,
            clock=clock,
            wall=Wall(providers=self.providers, identifiers=detection.identifiers, masking=Masking(detection, vault)),
        )
        self.close = committer.close
        self._person = self.identity.setup()
        wallet = self.ledger.open_account(self._person.organisation.id, purpose=Purpose.WALLET, unit=money("USD"))
        self.ledger.top_up(wallet.id, Amount(10**12, money("USD")), "a test")
        self.caps: dict[str, AccountId] = {}
        for id in PROVIDERS[1:]:
            cap = self.ledger.set_limit(f"provider:{id}", unit=REQUEST, period=Period.MONTH, count=_MANY)
            assert cap is not None
            self.caps[id] = cap.id
        self.counted: dict[str, int] = {}
        """How many requests each provider's cap has counted in the end."""
        self.names = [EngineName(f"engine-{number}") for number in range(6)]
        for number, name in enumerate(self.names):
            kinds = [Kind.CHAT, Kind.EMBEDDING]
            url = f"http://127.0.0.1:{9000 + number}"
            self.provided.catalogue.add(MODEL, url=url, engine=name, region=HERE, kinds=kinds, fallback=number > 1)
        self.calls: dict[str, list[str]] = {}
        """Which providers each request was sent to, in order."""
        self.answered = 0
        self.refused: list[str] = []

    def asked(self, engine: Engine, prompt: Prompt) -> None:
        """Check what must hold at the moment when an engine is handed a prompt."""
        admission = self.policy.admitted[prompt.request.id]
        terms = admission.terms_at(engine.provider, engine.region)
        assert terms is not None, f"{engine.name} at {engine.provider} in {engine.region} is outside of {admission}"
        assert engine.region in admission.principal.home
        assert prompt.masked == terms.mask
        assert (SECRET.encode() in bytes(prompt.content)) == (not terms.mask)
        if engine.provider != HOME:
            assert self.providers.card(engine.provider).serves, "it was killed"
            assert "user" not in prompt.request.options
        self.calls.setdefault(prompt.request.id, []).append(engine.provider)

    @property
    def has_seen_it_all(self) -> bool:
        """Whether requests were answered, tried again, sent abroad, and refused for either reason."""
        calls = list(self.calls.values())
        asked = {provider for providers in calls for provider in providers}
        return (
            self.answered > 20
            and any(len(providers) > 2 for providers in calls)
            and HOME in asked
            and len(asked) > 1
            and {"policy_denied", "no_route"} <= set(self.refused)
        )

    async def run(self, steps: int, *, more: int) -> None:
        """Ask, and change everything meanwhile; up to `more` times as long, until it has seen it all."""
        self.ledger.open()
        self.evidence.open()
        await self.ledger.start()
        await self._move()
        acts: list[Callable[[], Any]] = [self._move, self._rehome, self._kill]
        running: set[asyncio.Task[None]] = set()
        for step in range(steps * more):
            if step >= steps and self.has_seen_it_all:
                break
            self.breaking.advance(1)
            if self.chance.random() < 0.75:
                running.add(asyncio.create_task(self._ask()))
            elif self.chance.random() < 0.4:
                self.gate.change()
            else:
                await self.chance.choice(acts)()
            for _ in range(self.chance.randrange(6)):
                await asyncio.sleep(0)
            running = {task for task in running if not task.done() or task.result()}
        await asyncio.gather(*running)
        self.counted = {id: _MANY - self.ledger.available(cap) for id, cap in self.caps.items()}
        await self.pool.close()
        await self.ledger.stop()
        await asyncio.to_thread(self.evidence.close)

    async def _ask(self) -> None:
        id, home = RequestId(f"req_{self.chance.getrandbits(96):024x}"), self.home
        kind = self.chance.choice([Kind.CHAT, Kind.EMBEDDING])
        content = encode([{"role": "user", "content": SECRET}]) if kind is Kind.CHAT else encode([SECRET])
        options = {"user": Raw(b'"somebody"')}
        purpose = self.chance.choice(["research", "research", ""])
        request = Request(
            id=id, kind=kind, model=ModelName(MODEL), content=Raw(content), options=options, purpose=purpose
        )
        principal = Principal(organisation=self._person.organisation.id, project=self._person.project.id, home=home)
        try:
            if kind is Kind.EMBEDDING:
                await self.serving.embed(principal, request)
            else:
                answer = await self.serving.answer(principal, replace(request, stream=self.chance.random() < 0.5))
                assert isinstance(answer, Answer)
                async for _ in answer:
                    await asyncio.sleep(0)
                await answer.settled()
            self.answered += 1
        except CourtyardError as error:
            self.refused.append(error.code)

    home: frozenset[Region] = frozenset({HERE})

    async def _rehome(self) -> None:
        """The organisation calls other regions home."""
        self.home = frozenset(self.chance.sample(REGIONS, self.chance.randrange(1, 4)))

    async def _move(self) -> None:
        """Engines come, go, move to other regions, and are sold to other providers, under the names that they had."""
        names = [name for name in self.names if self.chance.random() < 0.9]
        await self.pool.follow(
            EngineSettings(
                name=name,
                plugin="openai_compatible",
                region=self.chance.choice(REGIONS),
                provider=self.chance.choice(PROVIDERS),
            )
            for name in names
        )

    async def _kill(self) -> None:
        """A provider is killed, or comes back by two people."""
        id = self.chance.choice(PROVIDERS[1:])
        if not self.providers.provider(id).killed:
            self.providers.kill(id, by=ANA, reason="a test")
            return
        with suppress(CourtyardError):
            asked = self.providers.restore(id, by=ANA, reason="a test")
            if asked is not None:
                self.provided.approvals.approve(asked.id, by=BEN)
                self.providers.restore(id, by=ANA, reason="a test")
