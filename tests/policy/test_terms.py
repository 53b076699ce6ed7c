"""Where a request could run becomes where it may: provider by provider, region by region, and on which terms."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.core.admission import Obligation, Terms
from courtyard.core.chat import Kind, Request
from courtyard.core.errors import DetectorFailed, GateFailed, PolicyDenied
from courtyard.core.ids import HOME, ProviderId, Region
from courtyard.policy import Candidate, Decision, Facts, Policy, Seen
from courtyard.policy.builtin.residency import Residency
from tests.policy.asking import CN, EU, US, principal, request

ALLY, OTHER = ProviderId("ally"), ProviderId("other")
MASK = Obligation("mask", "reversible")
RESIDENT = [Residency()]


class Pack:
    """A pack in force that decides as a test says, and remembers what it was asked."""

    def __init__(self, decides: Callable[[Facts], Decision]) -> None:
        self.active = True
        self.asked: list[Facts] = []
        self._decides = decides

    def decide(self, facts: Facts) -> Decision:
        self.asked.append(facts)
        return self._decides(facts)


def allows(*obligations: Obligation) -> Decision:
    return Decision(allowed=True, rules=("allow",), obligations=obligations, pack="test@1.0.0", facts="f")


def denies(facts: Facts | None = None) -> Decision:
    return Decision(
        allowed=False, rules=("stay",), reason="stay here", articles=("PIPL article 38",), pack="test@1.0.0", facts="f"
    )


def candidate(provider: ProviderId = ALLY, *regions: Region, tier: str = "allied", **more: object) -> Candidate:
    return Candidate(provider=provider, regions=frozenset(regions), tier=tier, **more)  # type: ignore[arg-type]


def refusal(policy: Policy, *candidates: Candidate, asked: Request | None = None) -> PolicyDenied:
    with pytest.raises(PolicyDenied) as refused:
        policy.admit(principal(), asked or request(), candidates)
    return refused.value


def test_without_packs_and_providers_nothing_is_different() -> None:
    """A house of its own engines admits as it always did: regions, and no terms."""
    plain = Policy(RESIDENT).admit(principal(), request())

    assert plain.terms == ()
    assert Policy(RESIDENT, gate=None).admit(principal(), request(), [Candidate(regions=frozenset({EU}))]) == plain


def test_an_admitted_ally_serves_where_the_organisation_is_at_home() -> None:
    """Its other regions are no part of the terms, and the operator's own engines stay beside it."""
    admission = Policy(RESIDENT).admit(
        principal(), request(), [Candidate(regions=frozenset({CN})), candidate(ALLY, EU, US)]
    )

    assert admission.terms == (
        Terms(provider=HOME, regions=frozenset({CN})),
        Terms(provider=ALLY, regions=frozenset({EU})),
    )
    assert admission.terms_at(ALLY, US) is None
    assert admission.regions == {EU, CN}


@pytest.mark.parametrize(
    ("out", "rule", "word"),
    [
        (candidate(ALLY, EU, tier="foreign"), "providers", "policy pack"),
        (candidate(ALLY, EU, refusal="it was suspended"), "providers", "it was suspended"),
        (candidate(ALLY, US), "residency", "stands in us, and the request may run in cn, eu"),
        (candidate(ALLY, EU, purposes=frozenset({"translation"})), "purposes", "X-Courtyard-Purpose"),
        (candidate(ALLY), "residency", "`courtyard organisations home`"),
    ],
)
def test_what_the_catalogue_says_comes_before_any_pack(out: Candidate, rule: str, word: str) -> None:
    """Foreign without a pack, suspended, elsewhere, or for another purpose: refused, and the caller reads why."""
    refused = refusal(Policy(RESIDENT), out)

    assert refused.rule == rule
    assert word in refused.message
    assert refused.status == 403


def test_a_purpose_that_is_stated_opens_what_is_for_it() -> None:
    """The same provider serves a request that says what it is for."""
    told = request(purpose="translation")

    admission = Policy(RESIDENT).admit(principal(), told, [candidate(ALLY, EU, purposes=frozenset({"translation"}))])

    assert admission.terms_at(ALLY, EU) is not None


def test_a_pack_is_asked_of_each_region_and_narrows_them() -> None:
    """It sees provider, region, kinds of data and purpose; a region that it refuses is out, with its obligations."""
    pack = Pack(lambda facts: allows(MASK) if facts.region == EU else denies())
    seen = Seen(counts={"email": 2}, sensitive=False)

    admission = Policy(RESIDENT, gate=pack).admit(
        principal(), request(purpose="care"), [candidate(ALLY, EU, CN, tier="foreign")], look=lambda _: seen, day=7
    )

    assert admission.terms == (Terms(provider=ALLY, regions=frozenset({EU}), mask="reversible", obligations=(MASK,)),)
    assert (admission.pack, admission.classes, admission.obligations) == ("test@1.0.0", {"email": 2}, (MASK,))
    assert {(facts.region, facts.purpose, facts.tier, facts.day) for facts in pack.asked} == {
        (EU, "care", "foreign", 7),
        (CN, "care", "foreign", 7),
    }
    assert pack.asked[0].classes == {"email"}


def test_a_refusal_by_a_pack_names_rule_and_article() -> None:
    """And keeps which facts were judged by which pack, for the record."""
    refused = refusal(Policy(RESIDENT, gate=Pack(denies)), candidate(ALLY, EU))

    assert (refused.rule, refused.articles, refused.pack) == ("stay", ("PIPL article 38",), "test@1.0.0")
    assert (refused.decisions, refused.facts) == (("stay",), ("f",))
    assert "PIPL article 38" in refused.message


def test_the_house_itself_is_judged_too() -> None:
    """With a pack in force the operator's own engines need its word as anybody's do."""
    assert refusal(Policy(RESIDENT, gate=Pack(denies))).rule == "stay"


def test_a_gate_that_fails_refuses() -> None:
    """What it has not judged runs nowhere, not even at home; the caller is told that it is no fault of theirs."""

    def fails(facts: Facts) -> Decision:
        raise GateFailed("the pack could not be asked", rule="gate")

    refused = refusal(Policy(RESIDENT, gate=Pack(fails)))

    assert (type(refused), refused.code, refused.status) == (GateFailed, "gate_failed", 503)


def test_a_detector_that_fails_refuses() -> None:
    """A request that was not looked through is admitted nowhere."""

    def look(asked: Request) -> Seen:
        raise DetectorFailed("no", rule="identifiers")

    with pytest.raises(DetectorFailed):
        Policy(RESIDENT).admit(principal(), request(), look=look)


PICTURE = b'[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]}]'


@pytest.mark.parametrize(
    "asked",
    [
        request(PICTURE),
        request(b"[1,2,3]", kind=Kind.EMBEDDING),
        request(b"[[1,2],[3]]", kind=Kind.EMBEDDING),
        request(b" [ 15, 16]", kind=Kind.COMPLETION),
    ],
)
def test_what_cannot_be_looked_into_is_not_sent_masked(asked: Request) -> None:
    """Pictures and token numbers may hold anybody's name: they run at home, or not at all."""
    masked = candidate(ALLY, EU, mask="reversible")

    assert refusal(Policy(RESIDENT), masked, asked=asked).rule == "mask"
    at_home = Policy(RESIDENT).admit(principal(), asked, [Candidate(regions=frozenset({EU})), masked])
    assert [terms.provider for terms in at_home.terms] == [HOME]


@pytest.mark.parametrize(
    ("least", "asked", "mask"),
    [("reversible", "", "reversible"), ("reversible", "irreversible", "irreversible"), ("", "novel", "novel")],
)
def test_the_stricter_mask_holds(least: str, asked: str, mask: str) -> None:
    """A provider's least and the pack's obligation: whichever hides more, and what is not known counts as most."""
    pack = Pack(lambda facts: allows(*([Obligation("mask", asked)] if asked else [])))

    admission = Policy(RESIDENT, gate=pack).admit(principal(), request(), [candidate(ALLY, EU, mask=least)])

    assert admission.terms[0].mask == mask


REGIONS = st.frozensets(st.sampled_from([EU, CN, US]))


@given(
    homes=REGIONS.filter(bool),
    stands=st.lists(st.tuples(st.sampled_from([ALLY, OTHER]), REGIONS, st.sampled_from(["allied", "foreign"]))),
    forbidden=st.frozensets(st.tuples(st.sampled_from([HOME, ALLY, OTHER]), st.sampled_from([EU, CN, US]))),
    has_pack=st.booleans(),
)
def test_terms_hold_nothing_that_a_rule_took_away(
    homes: frozenset[Region],
    stands: list[tuple[ProviderId, frozenset[Region], str]],
    forbidden: frozenset[tuple[ProviderId, Region]],
    has_pack: bool,
) -> None:
    """No region outside the organisation's home, none that the pack refused, nobody foreign without a pack."""
    pack = Pack(lambda facts: denies() if (facts.provider, facts.region) in forbidden else allows())
    pack.active = has_pack
    candidates = [Candidate(regions=homes), *(candidate(who, *where, tier=tier) for who, where, tier in stands)]
    tiers = {(who, region): tier for who, where, tier in stands for region in where}

    try:
        admission = Policy(RESIDENT, gate=pack).admit(principal(home=homes), request(), candidates)
    except PolicyDenied:
        assert has_pack
        return

    for terms in admission.terms:
        assert terms.regions
        assert terms.regions <= homes
        for region in terms.regions:
            if has_pack:
                assert (terms.provider, region) not in forbidden
            elif terms.provider != HOME:
                assert "allied" in {tier for place, tier in tiers.items() if place == (terms.provider, region)} or any(
                    who == terms.provider and region in where and tier == "allied" for who, where, tier in stands
                )
