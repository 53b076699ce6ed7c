"""Keys: made, shown once, rotated, revoked, by whom it is permitted to."""

import html
import re

import pytest

from courtyard.core.amount import REQUEST, TOKEN
from courtyard.core.errors import KeyExpired, NotAuthenticated
from courtyard.core.principal import Role
from courtyard.ledger import Period
from tests.console.house import USD, House, Visitor


def secret_in(page: str) -> str:
    found = re.search(r'<pre id="secret"[^>]*>([^<]+)</pre>', page)
    assert found is not None
    return found[1]


def test_a_key_s_secret_is_shown_once(house: House) -> None:
    """On the page that answers the form, and nowhere again; it works."""
    visitor = house.operator()
    made = visitor.post("/keys", name="billing", expires="30")
    secret = secret_in(made.text)
    principal = house.identity.authenticate(secret)

    assert made.status_code == 201
    assert secret not in visitor.get("/keys").text
    assert principal.person == house.setup.person.id
    assert principal.models is None
    house.clock.advance(30 * 86400)
    with pytest.raises(KeyExpired):
        house.identity.authenticate(secret)


def test_a_key_has_the_scope_and_the_limits_that_were_asked_for(house: House) -> None:
    """Models, requests and tokens a minute, and a budget in money: they are accounts like any other."""
    made = house.operator().post(
        "/keys",
        name="narrow",
        scope="some",
        models="echo",
        requests_minute="60",
        tokens_minute="5000",
        budget_month="2.5",
    )
    principal = house.identity.authenticate(secret_in(made.text))
    limits = {(a.unit, a.period): a.count_max for a in house.ledger.accounts() if a.owner == principal.key}

    assert principal.models == frozenset({"echo"})
    assert limits == {
        (REQUEST, Period.MINUTE): 60,
        (TOKEN, Period.MINUTE): 5000,
        (USD, Period.MONTH): 2_500_000_000,
    }
    assert "60 requests a minute" in made.text
    assert "$2.50 a month" in made.text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "x" * 121}, "needs a name"),
        ({"name": "a", "scope": "some"}, "hoose at least one model"),
        ({"name": "a", "scope": "some", "models": "no-such-model"}, "hoose at least one model"),
        ({"name": "a", "requests_minute": "0"}, "whole number above zero"),
        ({"name": "a", "requests_minute": "-5"}, "whole number above zero"),
        ({"name": "a", "tokens_minute": "1e9"}, "whole number above zero"),
        ({"name": "a", "tokens_minute": "٣"}, "whole number above zero"),
        ({"name": "a", "budget_month": "0"}, "budget is above zero"),
        ({"name": "a", "budget_month": "1.0000000001"}, "is no price"),
        ({"name": "a", "budget_month": "much"}, "is no price"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_form_filled_in(
    house: House, fields: dict[str, str], told: str
) -> None:
    """Nothing is made, and what was typed is still there."""
    answer = house.operator().post("/keys", **fields)

    assert answer.status_code == 400
    assert told in answer.text
    assert "data-open" in answer.text
    assert house.identity.keys() == ()


def test_rotating_lets_the_old_secret_live_for_a_while(house: House) -> None:
    """The new secret is shown once; the old one works for as long as was chosen."""
    visitor = house.operator()
    first = secret_in(visitor.post("/keys", name="a").text)
    (key,) = house.identity.keys()
    second = secret_in(visitor.post(f"/keys/{key.id}/rotate", overlap_s="3600").text)
    both = house.identity.authenticate(first).key, house.identity.authenticate(second).key
    house.clock.advance(3601)

    assert both == (key.id, key.id)
    assert house.identity.authenticate(second).key == key.id
    with pytest.raises(NotAuthenticated):
        house.identity.authenticate(first)


def test_revoking_ends_a_key_at_once(house: House) -> None:
    """It is refused from then on, and the list shows it only when asked."""
    visitor = house.operator()
    secret = secret_in(visitor.post("/keys", name="a short life").text)
    (key,) = house.identity.keys()
    answer = visitor.post(f"/keys/{key.id}/revoke")

    assert answer.headers["location"] == "/keys?done=key_revoked"
    assert "The key is revoked." in visitor.get(answer.headers["location"]).text
    assert "a short life" not in visitor.get("/keys").text
    assert "a short life" in visitor.get("/keys?all=1").text
    with pytest.raises(NotAuthenticated):
        house.identity.authenticate(secret)


def test_members_see_and_change_their_own_keys_only(house: House) -> None:
    """Another's key is as unknown as none; an auditor sees and changes nothing; a member makes none for a project."""
    ada, bob = (house.signed_in(house.person(f"{name}@example.org", Role.MEMBER)) for name in ("ada", "bob"))
    auditor = house.signed_in(house.person("eve@example.org", Role.AUDITOR))
    ada.post("/keys", name="ada’s own")
    (key,) = house.identity.keys()
    tried = {
        "bob": [bob.post(f"/keys/{key.id}/{what}").status_code for what in ("rotate", "revoke")],
        "auditor": [auditor.post(f"/keys/{key.id}/{what}").status_code for what in ("rotate", "revoke")],
    }

    assert tried == {"bob": [404, 404], "auditor": [403, 403]}
    assert [_sees(visitor, "ada’s own") for visitor in (ada, bob, auditor, house.operator())] == [
        True,
        False,
        True,
        True,
    ]
    assert auditor.post("/keys", name="x").status_code == 403
    assert bob.post("/keys", name="x", owner="project").status_code == 403
    assert 'id="create"' not in auditor.get("/keys").text
    assert house.identity.key(key.id).revoked_at_ms is None


def test_an_administrator_reaches_no_other_organisation(house: House) -> None:
    """Neither its projects nor its keys."""
    other = house.identity.add_organisation("Elsewhere")
    (project,) = house.identity.projects(organisation=other.id)
    foreign = house.identity.create_key(project.id, name="theirs")
    admin = house.signed_in(house.person("ada@example.org", Role.ADMIN))

    assert admin.post("/keys", name="x", project=project.id).status_code == 403
    assert admin.post(f"/keys/{foreign.key.id}/revoke").status_code == 404
    assert not _sees(admin, "theirs")
    assert _sees(house.operator(), "theirs")


def test_an_operator_s_key_is_not_an_administrator_s_to_change(house: House) -> None:
    """Whoever may not grant a role may not take a key of that role either."""
    key = house.identity.create_key(house.setup.project.id, name="root", role=Role.OPERATOR).key
    admin = house.signed_in(house.person("ada@example.org", Role.ADMIN))

    assert admin.post(f"/keys/{key.id}/rotate").status_code == 403


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "</pre><b>"]
)
def test_names_are_text(house: House, name: str) -> None:
    """Whatever a key, a project or a person is called, it is written and not run."""
    house.identity.add_project(house.setup.organisation.id, name)
    house.identity.create_key(house.setup.project.id, name=name, person=house.setup.person.id)
    house.identity.add_person(house.setup.organisation.id, email="x@example.org", name=name)
    key = house.identity.keys()[0]
    house.use(model=name, key=key.id)
    visitor = house.operator()
    pages = [
        visitor.get(path).text for path in ("/keys", "/usage", "/usage?by=key", f"/usage?key={key.id}", "/receipts")
    ]
    pages.append(visitor.post("/keys", name=name).text)

    assert all(html.escape(name).replace("&quot;", "&#34;") in page for page in pages)
    assert all(name not in page for page in pages if "<" in name)


def test_many_keys_are_paged(house: House) -> None:
    """Fifty at a time, each of them once."""
    for number in range(120):
        house.identity.create_key(house.setup.project.id, name=f"key number {number:03}.")
    visitor = house.operator()
    pages = [visitor.get(f"/keys?all=1&start={start}").text for start in (0, 50, 100)]
    names = [set(re.findall(r"key number \d+\.", page)) for page in pages]

    assert [len(found) for found in names] == [50, 50, 20]
    assert len(set.union(*names)) == 120


def _sees(visitor: Visitor, name: str) -> bool:
    return name in visitor.get("/keys").text
