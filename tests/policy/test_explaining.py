"""What was decided can be explained, and asked again of another pack."""

import msgspec

from courtyard.core.ids import Region
from courtyard.policy import Change, Judged, Judgement, digest_of, explain, read_pack, replay
from tests.policy.packing import SMALL, VECTORS, abroad, example, facts, small, vector


def test_the_smallest_change_that_turns_the_answer_is_found() -> None:
    """One change where one suffices; each that is told does turn it."""
    judgement = example("cn-2026")
    asked = abroad(persons=100_000)

    explained = explain(judgement, asked)

    assert [rule.id for rule in explained.rules] == ["export-needs-contract"]
    assert explained.rules[0].article.endswith("(2024-03-22) art. 8")
    assert (Change(fact="persons", now=100_000, then=0),) in explained.flips
    contract = Change(fact="agreements", now=sorted(asked.agreements), then="certification", how="with")
    assert (contract,) in explained.flips
    assert "filed_models" in explained.to_confirm
    for flip in explained.flips:
        assert judgement.decide(_changed(asked, flip)).allowed


def test_two_changes_are_told_where_one_is_not_enough() -> None:
    """And not three where two are."""
    judgement = example("neutral-strict")
    asked = abroad(agreements=frozenset(), tier="allied", jurisdiction="aa", region=Region("cn"))

    explained = explain(judgement, msgspec.structs.replace(asked, home=frozenset({"aa"}), tier="allied"))

    kinds = {tuple(sorted((change.fact, str(change.then)) for change in flip)) for flip in explained.flips}
    assert (("agreements", "contract"), ("agreements", "training")) in kinds
    assert {len(flip) for flip in explained.flips} == {2}


def test_what_is_allowed_is_explained_too() -> None:
    """By what permits it, and what would end that."""
    explained = explain(example("neutral-strict"), facts())

    assert explained.decision.allowed
    assert [rule.id for rule in explained.rules] == ["home-serves"]
    assert any(flip[0].fact == "tier" for flip in explained.flips)


def test_last_weeks_decisions_are_asked_of_a_candidate() -> None:
    """Each set of facts counts as often as it came; what is not kept any more is said to be unknown."""
    stricter = SMALL.replace('context.tier == "home"', 'context.tier == "home" && context.kind == "chat"')
    more = VECTORS + vector("home-serves", "deny", kind="embedding")
    now = Judgement(read_pack(small()))
    then = Judgement(read_pack(small(version="2.0.0", policies_cedar=stricter, vectors_jsonl=more)))
    chat, embedding = facts(), facts(kind="embedding")
    kept = {digest_of(one): one for one in (chat, embedding)}
    week = [Judged(request=f"req_{at}", at_ms=at, facts=(digest_of(chat), digest_of(embedding))) for at in range(1200)]
    week += [
        Judged(request="req_old", at_ms=1, facts=("0" * 32,)),
        Judged(request="x", at_ms=9, facts=(digest_of(chat),)),
    ]

    result = replay(
        week, candidate=then, against=now, facts=lambda digests: {one: kept[one] for one in digests if one in kept}
    )

    assert (result.requests, result.unknown, result.decisions, result.changed) == (1202, 1, 2401, 1200)
    (difference,) = result.differences
    assert (difference.facts, difference.changes, difference.count) == (embedding, "refused then", 1200)
    assert difference.last_ms == 1199


def _changed(asked: object, flip: tuple[Change, ...]) -> object:
    for change in flip:
        value = change.then
        if change.how == "with":
            value = getattr(asked, change.fact) | {value}
        elif change.how == "without":
            value = getattr(asked, change.fact) - {value}
        asked = msgspec.structs.replace(asked, **{change.fact: value})
    return asked
