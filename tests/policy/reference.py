"""The rules of the example packs in plain Python, written from their articles and not from their Cedar.

What a provider's request gets is `None` where it is refused, and otherwise what has to be done for it.
"""

from collections.abc import Callable
from typing import Any

from courtyard.policy import Facts, Pack, day_of

Reference = Callable[[Facts], frozenset[str] | None]

_PROVIDERS = ("allied", "foreign")


def neutral_strict(pack: Pack) -> Reference:
    """A strict house in no particular jurisdiction."""
    figures = _figures(pack)

    def decide(asked: Facts) -> frozenset[str] | None:
        sensitive = _is_sensitive(pack, asked) or "secret" in asked.classes
        outside = asked.tier != "home"
        if outside and (sensitive or not {"contract", "training"} <= asked.agreements):
            return None
        if not outside:
            return frozenset({"label-neutral"}) if asked.region in asked.home else None
        if asked.tier == "foreign" and asked.persons >= figures["foreign_persons_max"]:
            return None
        served = False
        todo = {"label-neutral", "log-full"}
        if asked.tier in _PROVIDERS and asked.state == "trial" and asked.purpose == "evaluation":
            served = True
        if asked.state == "admitted" and asked.tier == "allied":
            served = served or asked.jurisdiction in figures["allied_jurisdictions"]
        if asked.state == "admitted" and asked.tier == "foreign" and asked.purpose in figures["foreign_purposes"]:
            served = True
            todo.add("tell-operator")
        if asked.tier == "foreign":
            todo |= {"mask-foreign", "two-people"}
        return frozenset(todo) if served else None

    return decide


def cn_2026(pack: Pack) -> Reference:
    """Mainland China."""
    figures = _figures(pack)

    def refused(asked: Facts) -> bool:
        foreign, outside = asked.tier == "foreign", asked.tier != "home"
        mainland = asked.region in figures["home_regions"]
        with_ground = asked.agreements & {"standard_contract", "certification", "security_assessment"}
        public = asked.purpose == "public-service"
        return (
            (not outside and asked.region not in asked.home)
            or (not foreign and bool(asked.classes) and not mainland)
            or (outside and not {"contract", "training"} <= asked.agreements)
            or (outside and (_is_sensitive(pack, asked) or "secret" in asked.classes))
            or asked.provider in figures["restricted_recipients"]
            or (foreign and asked.persons >= figures["export_people_exempt_max"] and not with_ground)
            or (
                foreign
                and asked.persons >= figures["export_people_contract_max"]
                and "security_assessment" not in asked.agreements
            )
            or (public and (outside or not (asked.filed or asked.model in figures["filed_models"])))
        )

    def decide(asked: Facts) -> frozenset[str] | None:
        if refused(asked):
            return None
        todo: set[str] = set()
        served = asked.tier == "home"
        on_the_mainland = asked.jurisdiction == "cn" and asked.region in figures["home_regions"]
        if asked.tier == "allied" and asked.state == "admitted" and on_the_mainland:
            served = True
            todo.add("log-full")
        if asked.tier == "foreign" and asked.state == "admitted" and asked.purpose in figures["foreign_purposes"]:
            served = True
            todo |= {"log-full", "tell-privacy"}
        if asked.tier in _PROVIDERS and asked.state == "trial" and asked.purpose == "evaluation" and not asked.classes:
            served = True
            todo.add("log-full")
        if asked.tier == "foreign":
            todo |= {"mask-foreign", "two-people"}
        if asked.kind != "embedding" and asked.day >= figures["labels_from"]:
            todo.add("label-cn")
        return frozenset(todo) if served else None

    return decide


def eu_2026(pack: Pack) -> Reference:
    """The European Union."""
    figures = _figures(pack)

    def decide(asked: Facts) -> frozenset[str] | None:
        near = asked.jurisdiction in figures["eea_jurisdictions"]
        protected = near or asked.jurisdiction in figures["adequate_jurisdictions"]
        foreign, outside = asked.tier == "foreign", asked.tier != "home"
        clauses = {"standard_contract", "transfer_assessment"} <= asked.agreements
        if not outside and asked.region not in asked.home:
            return None
        if outside and (_is_sensitive(pack, asked) or "secret" in asked.classes):
            return None
        if outside and (not {"contract", "sub_processors"} <= asked.agreements or not (protected or clauses)):
            return None
        large = asked.persons >= figures["transfer_review_persons"]
        if foreign and large and "transfer_assessment" not in asked.agreements:
            return None
        todo: set[str] = set()
        served = not outside
        if asked.tier in _PROVIDERS and asked.state == "admitted" and near:
            served = True
            todo.add("log-full")
        if asked.tier in _PROVIDERS and asked.state == "admitted" and asked.purpose in figures["foreign_purposes"]:
            served = True
            todo |= {"log-full", "tell-privacy"}
        if asked.tier in _PROVIDERS and asked.state == "trial" and asked.purpose == "evaluation" and not asked.classes:
            served = True
            todo.add("log-full")
        if foreign:
            todo.add("mask-foreign")
            if not protected:
                todo.add("two-people")
        if asked.kind != "embedding" and asked.day >= figures["marking_applies_from"]:
            todo.add("label-eu")
        return frozenset(todo) if served else None

    return decide


REFERENCES: dict[str, Callable[[Pack], Reference]] = {
    "cn-2026": cn_2026,
    "eu-2026": eu_2026,
    "neutral-strict": neutral_strict,
}


def _is_sensitive(pack: Pack, asked: Facts) -> bool:
    return asked.sensitive or not asked.classes.isdisjoint(pack.taxonomy.sensitive)


def _figures(pack: Pack) -> dict[str, Any]:
    """Parameters by name; a date is its day."""
    return {one.name: day_of(str(one.value)) if one.shape == "date" else one.value for one in pack.parameters}
