"""A request is tried where it may run, on the engines that are well, in the order that rank, weight and draw give."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from courtyard.core.admission import Admission
from courtyard.core.chat import Kind, Request
from courtyard.core.errors import NoRoute
from courtyard.core.ids import EngineName, ModelName, OrganisationId, ProjectId, Region, RequestId
from courtyard.core.placement import Placement
from courtyard.core.principal import Principal
from courtyard.routing import EngineCard, Route, routes

EU, US = Region("eu"), Region("us")


def admitted(*regions: Region) -> Admission:
    request = Request(id=RequestId("req_1"), kind=Kind.CHAT, model=ModelName("small"), content=Raw(b"[]"))
    principal = Principal(organisation=OrganisationId("org_1"), project=ProjectId("proj_1"), home=frozenset({EU}))
    return Admission(principal=principal, request=request, regions=frozenset(regions), rules=())


def placement(engine: str, *, weight: int = 1, rank: int = 0) -> Placement:
    return Placement(engine=EngineName(engine), model=f"{engine}-small", weight=weight, rank=rank)


def card(engine: str, region: Region = EU, *, available: bool = True) -> EngineCard:
    return EngineCard(name=EngineName(engine), region=region, available=available)


def engines(found: tuple[Route, ...]) -> list[str]:
    return [route.engine for route in found]


def test_a_route_names_the_engine_its_region_and_its_word_for_the_model() -> None:
    """What the pool needs to send the request stands in the route."""
    (route,) = routes(admitted(EU), [placement("a")], [card("a")], draw=0.5)

    assert route == Route(engine=EngineName("a"), model="a-small", region=EU)


def test_a_request_stays_in_its_regions() -> None:
    """An engine elsewhere is no route, not even as the last resort."""
    found = routes(admitted(EU), [placement("a"), placement("b", rank=1)], [card("a"), card("b", US)], draw=0.0)

    assert engines(found) == ["a"]


def test_the_draw_shares_the_load_by_weight() -> None:
    """Over evenly spread draws each engine is first as often as its weight says; the others follow by weight."""
    placed = [placement("a", weight=1), placement("b", weight=7), placement("c", weight=2)]
    cards = [card("a"), card("b"), card("c")]

    firsts = Counter(routes(admitted(EU), placed, cards, draw=number / 1000)[0].engine for number in range(1000))

    assert firsts == {"a": 100, "b": 700, "c": 200}
    assert engines(routes(admitted(EU), placed, cards, draw=0.95)) == ["a", "b", "c"]
    assert engines(routes(admitted(EU), placed, cards, draw=0.0)) == ["b", "c", "a"]


def test_an_engine_without_weight_is_for_retries_only() -> None:
    """Weight zero is never drawn first where another engine has a weight."""
    placed = [placement("idle", weight=0), placement("a")]

    firsts = {
        routes(admitted(EU), placed, [card("idle"), card("a")], draw=number / 10)[0].engine for number in range(10)
    }

    assert firsts == {"a"}
    assert engines(routes(admitted(EU), placed[:1], [card("idle")], draw=0.9)) == ["idle"]


def test_fallbacks_follow_in_the_order_of_their_rank() -> None:
    """However heavy, an engine of a higher rank comes after those of lower ranks."""
    placed = [placement("last", rank=2, weight=9), placement("next", rank=1, weight=9), placement("first")]

    found = routes(admitted(EU), placed, [card("first"), card("next"), card("last")], draw=0.999)

    assert engines(found) == ["first", "next", "last"]


def test_an_engine_that_is_not_well_is_left_out() -> None:
    """Where the first rank is down the next one carries the load."""
    placed = [placement("a"), placement("b", rank=1)]

    assert engines(routes(admitted(EU), placed, [card("a", available=False), card("b")], draw=0.0)) == ["b"]


@pytest.mark.parametrize(
    ("cards", "says", "retry"),
    [
        (
            [card("a", US)],
            "no engine that serves model 'small' stands in a region where this request may run (eu)",
            False,
        ),
        ([card("a", US), card("b", US, available=False)], "stands in a region", False),
        ([card("a", US), card("b", available=False)], "in eu is healthy", True),
        ([], "is running", True),
        ([card("another")], "is running", True),
    ],
)
def test_no_route_says_why(cards: list[EngineCard], says: str, retry: bool) -> None:
    """A caller learns whether no engine stands in the regions, or none is well; only the latter is worth a retry."""
    with pytest.raises(NoRoute) as refused:
        routes(admitted(EU), [placement("a"), placement("b")], cards, draw=0.0)

    assert says in refused.value.message
    assert (refused.value.retry_after_s is not None) is retry


NAMES = st.sampled_from([EngineName(name) for name in "abcdef"])
REGIONS = st.sampled_from([Region(name) for name in ("eu", "us", "cn", "in")])
CARDS = st.lists(
    st.builds(EngineCard, name=NAMES, region=REGIONS, available=st.booleans()), unique_by=lambda card: card.name
)
PLACEMENTS = st.lists(
    st.builds(Placement, engine=NAMES, model=st.just("m"), weight=st.integers(0, 5), rank=st.integers(0, 2)),
    unique_by=lambda placement: placement.engine,
)


@given(
    regions=st.frozensets(REGIONS),
    placed=PLACEMENTS,
    cards=CARDS,
    draw=st.floats(0, 1, exclude_max=True),
)
def test_every_route_is_one_that_may_be_taken(
    regions: frozenset[Region], placed: list[Placement], cards: list[EngineCard], draw: float
) -> None:
    """Routes are exactly the usable placements: in the regions, available, each once, by rank, and the same again."""
    ranks = {placement.engine: placement.rank for placement in placed}
    usable = {card.name: card.region for card in cards if card.available and card.region in regions}
    expected = {placement.engine for placement in placed if placement.engine in usable}

    try:
        found = routes(admitted(*regions), placed, cards, draw=draw)
    except NoRoute:
        assert not expected
        return

    assert expected
    assert all(route.region in regions and usable[route.engine] == route.region for route in found)
    assert sorted(engines(found)) == sorted(expected)
    assert [ranks[route.engine] for route in found] == sorted(ranks[route.engine] for route in found)
    assert found == routes(admitted(*regions), placed, cards, draw=draw)
