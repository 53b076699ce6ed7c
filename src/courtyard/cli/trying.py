"""One short request straight to an engine: does it answer, how soon, how fast."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw
from msgspec.json import decode, encode

from courtyard.app import House
from courtyard.cli.common import policy_of
from courtyard.core.chat import Delta, Kind, Prompt, Request
from courtyard.core.errors import CourtyardError
from courtyard.core.ids import EngineName, ModelName, Region, RequestId, new_id
from courtyard.core.principal import Principal
from courtyard.core.usage import Usage
from courtyard.engines import Engine, EngineSettings, Health
from courtyard.knowledge import ground

_DAY_MS = 24 * 3600 * 1000
_WHOLE_S = 180.0
_HEALTH_S = 2.0
_TOKENS_MAX = 48
_QUESTIONS = {
    Kind.CHAT: [{"role": "user", "content": "Say hello in one short sentence."}],
    Kind.COMPLETION: "The capital of Kenya is",
    Kind.EMBEDDING: "The capital of Kenya is Nairobi.",
}


class Trial(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an engine did with a short request."""

    engine: EngineName
    region: Region | None = None
    model: str
    """The model by the engine's name for it."""
    kind: Kind
    ok: bool
    error: str | None = None
    first_ms: int | None = None
    """From the request to the first piece of the answer; what the engine took to start stands apart."""
    start_ms: int | None = None
    tokens: int | None = None
    tokens_per_s: float | None = None
    """From the first piece on."""
    dimensions: int | None = None
    text: str = ""


def prompt_for(house: House, model: ModelName, kind: Kind) -> Prompt:
    """Make a prompt as the operator, by the rules in force: a trial is a request like any other."""
    content = Raw(encode(_QUESTIONS[kind]))
    options = {} if kind is Kind.EMBEDDING else {"temperature": Raw(b"0")}
    request = Request(
        id=RequestId(new_id("req")), kind=kind, model=model, content=content, tokens_max=_TOKENS_MAX, options=options
    )
    admission = policy_of(house).admit(_operator(house), request, day=house.clock.now_ms() // _DAY_MS)
    return ground(admission, tokens_max=None if kind is Kind.EMBEDDING else _TOKENS_MAX)


async def run_trial(
    plugin: Callable[[EngineSettings], Engine], settings: EngineSettings, model: str, prompt: Prompt
) -> Trial:
    """Start an engine, ask it, and close it again. A failure is what was to be found out, so it is returned."""
    kind = prompt.request.kind
    blank = Trial(engine=settings.name, region=settings.region, model=model, kind=kind, ok=False)
    engine: Engine | None = None
    try:
        async with asyncio.timeout(_WHOLE_S):
            began = _now()
            engine = plugin(settings)
            await engine.start()
            started = msgspec.structs.replace(blank, start_ms=_since_ms(began))
            if kind is Kind.EMBEDDING:
                return await _embed(engine, model, prompt, started)
            return await _generate(engine, model, prompt, started)
    except TimeoutError:
        return msgspec.structs.replace(blank, error=f"it did not end within {_WHOLE_S:.0f} seconds")
    except CourtyardError as error:
        return msgspec.structs.replace(blank, error=error.message)
    except (ValueError, OSError) as error:
        return msgspec.structs.replace(blank, error=str(error))
    finally:
        if engine is not None:
            await engine.close()


async def ask_health(plugin: Callable[[EngineSettings], Engine], settings: EngineSettings) -> Health:
    """Ask an engine whether it is there, without asking it anything else, and wait but a moment."""
    engine: Engine | None = None
    try:
        async with asyncio.timeout(_HEALTH_S):
            engine = plugin(settings)
            await engine.start()
            return await engine.health()
    except TimeoutError:
        return Health(ready=False, detail=f"it did not answer within {_HEALTH_S:.0f} seconds")
    except CourtyardError as error:
        return Health(ready=False, detail=error.message)
    except (ValueError, OSError) as error:
        return Health(ready=False, detail=str(error))
    finally:
        if engine is not None:
            await engine.close()


async def _generate(engine: Engine, model: str, prompt: Prompt, trial: Trial) -> Trial:
    began, first, usage = _now(), None, Usage()
    said: list[Delta] = []
    async for delta in engine.generate(model, prompt):
        if first is None and (delta.text or delta.reasoning or delta.tool_calls):
            first = _now()
        usage = delta.usage or usage
        said.append(delta)
    if first is None:
        return msgspec.structs.replace(trial, error="it ended without saying anything")
    tokens = usage.completion or sum(delta.tokens for delta in said)
    rest_s = _now() - first
    return msgspec.structs.replace(
        trial,
        ok=True,
        first_ms=round((first - began) * 1000),
        tokens=tokens,
        tokens_per_s=round((tokens - 1) / rest_s, 1) if tokens > 1 and rest_s > 0 else None,
        text="".join(delta.text for delta in said).strip(),
    )


async def _embed(engine: Engine, model: str, prompt: Prompt, trial: Trial) -> Trial:
    began = _now()
    embeddings = await engine.embed(model, prompt)
    vectors: list[dict[str, Any]] = decode(embeddings.data)
    vector = vectors[0].get("embedding") if vectors else None
    return msgspec.structs.replace(
        trial,
        ok=bool(vector),
        error=None if vector else "it answered without a vector",
        first_ms=_since_ms(began),
        tokens=embeddings.usage.prompt,
        dimensions=len(vector) if isinstance(vector, list) else None,
    )


def _operator(house: House) -> Principal:
    """Sign the operator in for a moment: only identity says who somebody is."""
    person = house.identity.setup().person
    signed_in = house.identity.sign_in_by_link(house.identity.one_time_link(person.id))
    house.identity.sign_out(signed_in.token)
    return signed_in.session.principal


def _now() -> float:
    return asyncio.get_running_loop().time()


def _since_ms(began: float) -> int:
    return round((_now() - began) * 1000)
