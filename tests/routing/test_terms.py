"""Routing never leaves an admission's terms, whatever stands ready elsewhere."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from courtyard.core.admission import Admission, Terms
from courtyard.core.chat import Kind, Request
from courtyard.core.errors import NoRoute
from courtyard.core.ids import HOME, EngineName, ModelName, OrganisationId, ProjectId, ProviderId, Region, RequestId
from courtyard.core.placement import Placement
from courtyard.core.principal import Principal
from courtyard.routing import EngineCard, routes

REGIONS = [Region("eu"), Region("us"), Region("cn")]
PROVIDERS = [HOME, ProviderId("ally"), ProviderId("other")]


def admitted(*terms: Terms, regions: frozenset[Region]) -> Admission:
    request = Request(id=RequestId("req_1"), kind=Kind.CHAT, model=ModelName("small"), content=Raw(b"[]"))
    principal = Principal(organisation=OrganisationId("org_1"), project=ProjectId("proj_1"), home=regions)
    return Admission(principal=principal, request=request, regions=regions, rules=(), terms=terms)


TERMS = st.builds(
    Terms,
    provider=st.sampled_from(PROVIDERS),
    regions=st.frozensets(st.sampled_from(REGIONS), min_size=1),
    mask=st.sampled_from(["", "reversible"]),
)
PLACES = st.lists(
    st.tuples(
        st.sampled_from(PROVIDERS), st.sampled_from(REGIONS), st.booleans(), st.integers(0, 2), st.integers(1, 9)
    ),
    max_size=8,
)


@given(
    terms=st.lists(TERMS, max_size=4),
    places=PLACES,
    home=st.frozensets(st.sampled_from(REGIONS)),
    draw=st.floats(0, 0.999),
)
def test_every_route_stands_in_the_terms(
    terms: list[Terms],
    places: list[tuple[ProviderId, Region, bool, int, int]],
    home: frozenset[Region],
    draw: float,
) -> None:
    """First choice, retry or fallback: each has terms, masks as they say, and all that may be tried is there once."""
    names = [EngineName(f"engine-{number}") for number in range(len(places))]
    cards = [
        EngineCard(name=name, region=region, available=available, provider=provider)
        for name, (provider, region, available, _, _) in zip(names, places, strict=True)
    ]
    placements = [
        Placement(engine=name, model="m", rank=rank, weight=weight)
        for name, (_, _, _, rank, weight) in zip(names, places, strict=True)
    ]
    admission = admitted(*terms, regions=home)
    may = {
        card.name
        for card in cards
        if card.available
        and (
            any(one.provider == card.provider and card.region in one.regions for one in terms)
            if terms
            else card.provider == HOME and card.region in home
        )
    }

    try:
        found = routes(admission, placements, cards, draw=draw)
    except NoRoute:
        assert not may
        return

    assert {route.engine for route in found} == may
    assert len(found) == len(may)
    for route in found:
        on = admission.terms_at(route.provider, route.region)
        assert on is not None
        assert route.mask == on.mask
