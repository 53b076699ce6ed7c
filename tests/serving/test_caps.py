"""A provider's caps are held with every request that may go to it, and charged by those that did."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from courtyard.core.admission import Admission, Terms
from courtyard.core.amount import REQUEST, TOKEN, Amount, Unit, money
from courtyard.core.chat import Kind, Request
from courtyard.core.ids import HOME, AccountId, ModelName, OrganisationId, ProjectId, ProviderId, Region, RequestId
from courtyard.core.principal import Principal
from courtyard.core.usage import Usage
from courtyard.ledger import Account, Hold, Leg, Period, Purpose
from courtyard.serving import caps
from courtyard.serving.caps import Cap

EU = frozenset({Region("eu")})
ALLY, OTHER = ProviderId("ally"), ProviderId("other")
WALLET = Leg(AccountId("wallet"), Amount(500, money("USD")))


def cap(provider: ProviderId, unit: Unit) -> Cap:
    id = AccountId(f"{provider}-{unit}")
    owner = caps.owner_of(provider)
    return Cap(provider, Account(id=id, owner=owner, purpose=Purpose.LIMIT, unit=unit, period=Period.DAY, count_max=9))


CAPS = (cap(ALLY, REQUEST), cap(ALLY, TOKEN), cap(OTHER, TOKEN))


def admitted(*providers: ProviderId) -> Admission:
    request = Request(id=RequestId("req_1"), kind=Kind.CHAT, model=ModelName("m"), content=Raw(b"[]"))
    principal = Principal(organisation=OrganisationId("org_1"), project=ProjectId("proj_1"), home=EU)
    terms = tuple(Terms(provider=provider, regions=EU) for provider in providers)
    return Admission(principal=principal, request=request, regions=EU, rules=(), terms=terms)


def held(usage_max: Usage) -> Hold:
    legs = (WALLET, *caps.legs(CAPS, usage_max))
    return Hold(RequestId("req_1"), legs, tuple(range(len(legs))), 0, 1)


@given(
    most=st.integers(1, 1000),
    used=st.integers(0, 1500),
    sent=st.frozensets(st.sampled_from([ALLY, OTHER])),
    served_by=st.sampled_from([HOME, ALLY, OTHER, None]),
)
def test_who_was_sent_a_request_is_charged_it_and_who_served_its_tokens(
    most: int, used: int, sent: frozenset[ProviderId], served_by: ProviderId | None
) -> None:
    """At home nobody's cap is touched; one that failed had the request all the same; what is over a hold is marked."""
    hold = held(Usage(input=most))

    charged = caps.charges(CAPS, hold, Usage(input=used), sent=sent, served_by=served_by)

    expected = [("ally-request", 1, False)] if ALLY in sent else []
    if served_by in sent:
        expected.append((f"{served_by}-token", min(most, used), used > most))
    assert [(leg.account, leg.amount.count, leg.capped) for leg in charged] == expected


def test_who_pays_is_asked_for_its_own_legs_alone() -> None:
    """The caps stand at the end of a hold, and licensing sees what is before them."""
    payers = caps.without(held(Usage(input=5)), CAPS)

    assert (payers.legs, payers.windows) == ((WALLET,), (0,))
    assert caps.without(payers, ()) is payers


def test_a_provider_that_had_enough_is_left_out_as_long_as_another_is_left() -> None:
    """The request runs elsewhere in its terms; where nobody else may run it, the ledger refuses it."""
    left = {"ally-request": 1, "ally-token": 3, "other-token": 100}

    def available(id: AccountId) -> int:
        return left[id]

    usage_max = Usage(input=4)
    home = caps.within(admitted(HOME, ALLY, OTHER), CAPS, usage_max=usage_max, available=available)
    alone = caps.within(admitted(ALLY), CAPS[:2], usage_max=usage_max, available=available)

    assert [terms.provider for terms in home.terms] == [HOME, OTHER]
    assert [terms.provider for terms in alone.terms] == [ALLY]
