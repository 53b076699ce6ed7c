"""Cedar, prepared once for a pack: its rules checked against a schema, then asked in microseconds.

Cedar leaves out a rule that fails and decides without it: a `forbid` that fails would let through what it is there to
stop. So rules are checked against a schema before they are ever asked, and an answer that comes with an error is none.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from courtyard.core.errors import GateFailed
from courtyard.policy.facts import COUNTERS, Facts
from courtyard.policy.pack import Pack, PackRefused, PackRule, Parameter, Shape, day_of
from courtyard.policy.syntax import STANDING, at_provider, compared, gives_way_to, mentioned, shadow

_FACTS = {
    "organisation": "String",
    "project": "String",
    "role": "String",
    "kind": "String",
    "model": "String",
    "purpose": "String",
    "classes": "Set<String>",
    "sensitive": "Bool",
    "provider": "String",
    "tier": "String",
    "state": "String",
    "jurisdiction": "String",
    "region": "String",
    "home": "Set<String>",
    "day": "Long",
    "persons": "Long",
    "agreements": "Set<String>",
    "filed": "Bool",
    "duties": "Set<String>",
} | dict.fromkeys(COUNTERS, "Long")
"""What a rule may ask of `context`. `duties` are what would be done with the request if it ran."""

_PREPARED_MAX = 2000

_SHAPES = {
    Shape.NUMBER: "Long",
    Shape.DATE: "Long",
    Shape.FLAG: "Bool",
    Shape.WORD: "String",
    Shape.WORDS: "Set<String>",
}
_PARAMETERS = "Parameters"
_PACK = "pack"
_ID = re.compile(r"[a-z][a-z0-9-]{0,63}")
_FAILED_RULE = re.compile(r"policy `([^`]+)`")
_ANNOTATIONS = ("id", "article", "reason", "obligation")
SHADOW = "shadow of "
"""Begins the name of what stands beside a rule that gives way; no `@id` can."""
_TEXT_BYTES_MAX = 256 * 1024
_RULES_MAX = 200

_encode = msgspec.json.Encoder(enc_hook=sorted).encode


class Text:
    """The rules of `policies.cedar`: read, named by their `@id`, and checked against the schema of a pack."""

    def __init__(self, cedar: str, parameters: Sequence[Parameter]) -> None:
        """Read rules.

        Raises:
            PackRefused: they are no Cedar, lack an annotation, or ask for what is not there.
        """
        import cedarpy  # noqa: PLC0415 - A house without a pack never loads it.

        if len(cedar.encode()) > _TEXT_BYTES_MAX:
            raise PackRefused(f"policies.cedar is longer than {_TEXT_BYTES_MAX:,} bytes")
        try:
            self._policies: dict[str, Any] = _parsed(cedar)
            schema = cedarpy.Schema.from_str(_schema(parameters))
            checked = cedarpy.validate_policies(cedar, schema)
        except ValueError as error:
            raise PackRefused(f"policies.cedar can't be read: {error}") from error
        self.rules = tuple(_rule(number, policy) for number, policy in self._policies.items())
        _check_ids(self.rules)
        for rule, policy in zip(self.rules, self._policies.values(), strict=True):
            _check_duties(rule, policy["conditions"])
        if not checked.validation_passed:
            ids = dict(zip(self._policies, (rule.id for rule in self.rules), strict=True))
            wrong = "; ".join(f"{ids.get(one.policy_id, 'rules')}: {one.error}" for one in checked.errors)
            raise PackRefused(f"policies.cedar asks for what is not there: {wrong}")
        self.mentioned = frozenset(mentioned(list(self._policies.values())))
        pairs = list(compared(list(self._policies.values())))
        self.compared = {fact: frozenset(value for one, value in pairs if one == fact) for fact in self.mentioned}

    @property
    def named(self) -> str:
        """The rules as JSON, each under its `@id`, so that Cedar answers with it.

        Beside each rule that gives way to duties stands its shadow, which permits what the rule would forbid: where
        everything is done that any rule asks for, the shadows that apply say what of it is needed.
        """
        by_id = {policy["annotations"]["id"]: policy for policy in self._policies.values()}
        for rule in self.rules:
            if rule.duties and not rule.permits:
                by_id[SHADOW + rule.id] = shadow(by_id[rule.id])
        return json.dumps({"staticPolicies": at_provider(by_id), "templates": {}, "templateLinks": []})


class Cedar:
    """A pack's rules, ready to be asked."""

    def __init__(self, pack: Pack) -> None:
        import cedarpy  # noqa: PLC0415

        text = Text(pack.cedar, pack.parameters)
        attributes = {parameter.name: _cedar_value(parameter) for parameter in pack.parameters}
        known = [{"uid": {"type": _PARAMETERS, "id": _PACK}, "attrs": attributes, "parents": []}]
        schema = cedarpy.Schema.from_str(_schema(pack.parameters))
        self._known = cedarpy.Entities.from_json_str(json.dumps(known), schema)
        self._policies = cedarpy.PolicySet.from_json_str(text.named)
        self._ask = cedarpy.is_authorized
        self._prepared: dict[Any, Any] = {}
        self._order = {name + rule.id: at for at, rule in enumerate(pack.rules) for name in ("", SHADOW)}
        self._sensitive = frozenset(pack.taxonomy.sensitive)
        self.mentioned = text.mentioned
        """Facts that some rule looks at: no other can change a decision."""
        self.compared = {fact: frozenset(_expanded(pack, values)) for fact, values in text.compared.items()}
        """The words and numbers that each fact is compared with."""
        self._standing = tuple(sorted(text.mentioned & STANDING - {"duties"}))
        self._changing = tuple(sorted(text.mentioned - STANDING))

    def ask(self, facts: Facts, duties: frozenset[str]) -> tuple[bool, tuple[str, ...]]:
        """Say what Cedar says where these duties would be done: whether it allows, and by which rules and shadows.

        Raises:
            GateFailed: a rule failed, or Cedar could not be asked.
        """
        try:
            answer = self._ask(
                {
                    "principal": {"type": "Caller", "id": facts.organisation},
                    "action": _RUN,
                    "resource": {"type": "Provider", "id": facts.provider},
                    "context": _encode(self._context(facts)).decode(),
                },
                self._policies,
                self._prepared_for(facts, duties),
            )
            decision, told = answer.decision.value, answer.diagnostics
        except Exception as error:
            raise GateFailed(f"the policy pack could not be asked; {_TELL}", rule="") from error
        if told.errors or decision not in ("Allow", "Deny"):
            raise _failure(told.errors)
        return decision == "Allow", tuple(sorted(told.reasons, key=self._order.__getitem__))

    def _context(self, facts: Facts) -> dict[str, Any]:
        """Say what changes from request to request, as far as some rule looks at it."""
        context = {name: value for name in self._changing if (value := getattr(facts, name)) is not None}
        if "sensitive" in context and not self._sensitive.isdisjoint(facts.classes):
            context["sensitive"] = True
        return context

    def _prepared_for(self, facts: Facts, duties: frozenset[str]) -> Any:
        """Give Cedar the provider with everything that stands, parsed once and remembered."""
        standing = tuple(getattr(facts, name) for name in self._standing)
        key = facts.provider, standing, duties
        prepared = self._prepared.get(key)
        if prepared is None:
            attributes = dict(zip(self._standing, standing, strict=True))
            if "duties" in self.mentioned:
                attributes["duties"] = duties
            provider = {"uid": {"type": "Provider", "id": facts.provider}, "attrs": attributes, "parents": []}
            prepared = self._known.with_added_json_str(_encode([provider]).decode())
            if len(self._prepared) >= _PREPARED_MAX:
                self._prepared.clear()
            self._prepared[key] = prepared
        return prepared


_RUN = {"type": "Action", "id": "run"}
_TELL = "what it has not judged does not run; tell the operator"


class _RuleFailed(Exception):
    """What Cedar says of a rule that failed. It stays in the house: a caller is told the rule's name alone."""


def _failure(errors: Sequence[str]) -> GateFailed:
    """Make a refusal that names the rule that failed."""
    named = _FAILED_RULE.search(errors[0]) if errors else None
    rule = "" if named is None else named[1].removeprefix(SHADOW)
    failure = GateFailed(f"rule {rule!r} of the policy pack failed; {_TELL}", rule=rule)
    failure.__cause__ = _RuleFailed("; ".join(errors))
    return failure


def _parsed(cedar: str) -> dict[str, Any]:
    import cedarpy  # noqa: PLC0415

    read = json.loads(cedarpy.policies_to_json_str(cedar))
    if read["templates"]:
        raise PackRefused("policies.cedar has templates (`?principal`); write each rule out")
    policies: dict[str, Any] = read["staticPolicies"]
    if not 0 < len(policies) <= _RULES_MAX:
        raise PackRefused(f"policies.cedar has {len(policies)} rules; it has at least one and at most {_RULES_MAX}")
    return dict(sorted(policies.items(), key=lambda named: int(named[0].removeprefix("policy"))))


def _rule(number: str, policy: dict[str, Any]) -> PackRule:
    said = policy.get("annotations", {})
    for name in said:
        if name not in _ANNOTATIONS:
            raise PackRefused(f"policies.cedar: a rule has @{name}; there are {', '.join(_ANNOTATIONS)}")
    for name in ("id", "article", "reason"):
        if not said.get(name):
            raise PackRefused(f'policies.cedar: {said.get("id") or number} has no @{name}("…")')
    duties = tuple(word.strip() for word in (said.get("obligation") or "").split(",") if word.strip())
    return PackRule(
        id=said["id"],
        permits=policy["effect"] == "permit",
        article=said["article"],
        reason=said["reason"],
        duties=duties,
    )


def _check_ids(rules: Sequence[PackRule]) -> None:
    seen: set[str] = set()
    for rule in rules:
        if not _ID.fullmatch(rule.id):
            raise PackRefused(f"policies.cedar: {rule.id!r} is no rule's name: small letters, digits and dashes")
        if rule.id in seen:
            raise PackRefused(
                f"policies.cedar: two rules are called {rule.id!r}; a decision could not say which it was"
            )
        seen.add(rule.id)


def _schema(parameters: Sequence[Parameter]) -> str:
    facts = ", ".join(f"{name}{'?' if name in COUNTERS else ''}: {kind}" for name, kind in _FACTS.items())
    given = ", ".join(f"{parameter.name}: {_SHAPES[parameter.shape]}" for parameter in parameters)
    return (
        f"entity Caller; entity Provider; entity {_PARAMETERS} {{ {given} }};\n"
        f"action run appliesTo {{ principal: [Caller], resource: [Provider], context: {{ {facts} }} }};"
    )


def _expanded(pack: Pack, values: Iterable[str | int]) -> Iterator[str | int]:
    """Put the parameters' values in the place of their names."""
    given = {f"${parameter.name}": _cedar_value(parameter) for parameter in pack.parameters}
    for value in values:
        meant = given.get(str(value), value)
        yield from meant if isinstance(meant, list) else (meant,)


def _cedar_value(parameter: Parameter) -> Any:
    value = parameter.value
    if parameter.shape is Shape.DATE:
        return day_of(str(value))
    return list(value) if isinstance(value, tuple) else value


def _check_duties(rule: PackRule, conditions: list[Any]) -> None:
    """See that a forbid gives way to its duties in so many words, and that no rule looks at them otherwise."""
    given_way = [key for condition in conditions if (key := gives_way_to(condition))]
    others = [condition for condition in conditions if not gives_way_to(condition)]
    if "duties" in set(mentioned(others)) or (rule.permits and given_way):
        raise PackRefused(
            f"policies.cedar: {rule.id} looks at context.duties; only a forbid does, in a clause of its own: "
            'unless { context.duties.contains("…") }'
        )
    if not rule.permits and sorted(given_way) != sorted(rule.duties):
        raise PackRefused(
            f"policies.cedar: {rule.id} forbids; each duty in its @obligation needs a clause of its own, and the other "
            'way round: unless { context.duties.contains("…") }'
        )
