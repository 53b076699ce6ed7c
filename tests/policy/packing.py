"""Packs for tests: the ones that come with Courtyard, small ones, and broken ones."""

import json
from typing import Any

from courtyard.core.ids import ProviderId, Region
from courtyard.policy import Facts, Judgement, day_of, read_pack, shipped_files

DAY = day_of("2026-11-28")

HEAD = """
@id("{id}")
@article("art. 1")
@reason("because")
"""
SMALL = """
@id("home-serves") @article("art. 1") @reason("home serves")
permit (principal, action, resource) when { context.tier == "home" };

@id("enough") @article("art. 2") @reason("enough people") @obligation("mask-it")
forbid (principal, action, resource)
when { context.persons >= Parameters::"pack".persons_max }
unless { context.duties.contains("mask-it") };
"""
_PARAMETERS = """
persons_max:
  {shape: number, value: 10, unit: persons, says: how many, source: a book, article: art. 2, checked_on: 2026-11-01,
   confidence: high}
"""


def vector(rule: str, verdict: str, says: str = "it is so", **facts: Any) -> str:
    """A line of vectors.jsonl; `duties` and `obligations` stand beside the facts."""
    beside = {name: facts.pop(name) for name in ("duties", "obligations") if name in facts}
    return json.dumps({"rule": rule, "says": says, "facts": facts, "verdict": verdict, **beside}) + "\n"


VECTORS = (
    vector("home-serves", "pass")
    + vector("home-serves", "deny", tier="foreign")
    + vector("enough", "rewrite", persons=10, obligations=["mask-it"])
    + vector("enough", "deny", persons=10, duties=[])
)


def small(version: str = "1.0.0", **changes: str) -> dict[str, bytes]:
    """A pack of two rules; a file is changed by its name with a `_` for each `.`, and left out where it is empty."""
    files = {
        "manifest.yaml": f"name: small\nversion: {version}\ntitle: Small\njurisdiction: none\n"
        "effective_from: 2026-01-01\nnotice: for tests\n",
        "taxonomy.yaml": "sensitive: {ssn: art. 9}\npurposes: {code: write code}\n",
        "parameters.yaml": _PARAMETERS,
        "obligations.yaml": "mask-it: {name: mask, value: reversible, article: art. 2, says: masked}\n",
        "policies.cedar": SMALL,
        "vectors.jsonl": VECTORS,
    }
    files |= {name.replace("_", "."): text for name, text in changes.items()}
    return {name: text.encode() for name, text in files.items() if text}


def example(name: str) -> Judgement:
    """An example pack, ready to be asked."""
    return Judgement(read_pack(shipped_files(name)))


def facts(**changes: Any) -> Facts:
    """A member's chat at home, on a day of November 2026."""
    fields: dict[str, Any] = {"organisation": "org_1", "region": Region("cn"), "home": frozenset({"cn"}), "day": DAY}
    return Facts(**fields | changes)


def abroad(**changes: Any) -> Facts:
    """A translation at an admitted foreign provider."""
    fields: dict[str, Any] = {
        "provider": ProviderId("abroad"),
        "tier": "foreign",
        "jurisdiction": "us",
        "region": Region("us"),
        "home": frozenset({"cn", "us"}),
        "purpose": "translation",
        "agreements": frozenset({"contract", "training", "sub_processors"}),
    }
    return facts(**fields | changes)
