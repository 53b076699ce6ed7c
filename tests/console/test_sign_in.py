"""In and out of the console."""

import pytest

from courtyard.console import ConsoleSettings
from courtyard.core.principal import Role
from tests.console.conftest import Build
from tests.console.house import PASSWORD, House, cookies_set


def test_a_link_is_not_used_up_by_looking_at_it(house: House) -> None:
    """A preview of the link in a chat reads the page, and the person can still sign in, once."""
    token, visitor = house.identity.one_time_link(house.setup.person.id), house.visitor()
    looked = [house.visitor().get(f"/sign-in?token={token}") for _ in range(3)]
    first = visitor.post("/sign-in", token=token)
    second = house.visitor().post("/sign-in", token=token)

    assert all(page.status_code == 200 and "courtyard" not in cookies_set(page) for page in looked)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert second.status_code == 401
    assert visitor.get("/").headers["location"] == "/assistant"


def test_a_link_is_good_for_fifteen_minutes(house: House) -> None:
    """After that it is refused, and says so."""
    token = house.identity.one_time_link(house.setup.person.id)
    house.clock.advance(15 * 60 + 1)
    answer = house.visitor().post("/sign-in", token=token)

    assert answer.status_code == 401
    assert "ask for another" in answer.text


def test_the_session_cookie_can_be_read_by_no_script_and_sent_by_no_other_site(house: House) -> None:
    """`HttpOnly`, `SameSite=Lax`, for as long as the session may last; not `Secure` over plain HTTP."""
    answer = house.visitor().post("/sign-in", token=house.identity.one_time_link(house.setup.person.id))
    cookie = cookies_set(answer)["courtyard"]

    assert {"httponly", "samesite=lax", "path=/", "max-age=604800"} <= set(cookie.attributes)
    assert "secure" not in cookie.attributes


def test_over_https_cookies_are_secure_and_bound_to_the_host(build: Build) -> None:
    """With an https address, also one of a proxy before us, every cookie is `Secure` and `__Host-`."""
    house = build(ConsoleSettings(url="https://ai.example.org"))
    visitor = house.visitor(host="ai.example.org", origin="https://ai.example.org")
    page = visitor.get("/sign-in")

    assert set(cookies_set(page)) == {"__Host-courtyard-visitor"}
    assert "secure" in cookies_set(page)["__Host-courtyard-visitor"].attributes


def test_a_password_signs_in(house: House) -> None:
    """Whoever has one needs no link, and lands where they wanted to go."""
    house.person("ada@example.org", Role.MEMBER)
    visitor = house.visitor()
    led = visitor.get("/usage?by=key")
    answer = visitor.post("/sign-in", email="ADA@example.org", password=PASSWORD, next="/usage?by=key")

    assert (led.status_code, led.headers["location"]) == (303, "/sign-in?next=%2Fusage%3Fby%3Dkey")
    assert (answer.status_code, answer.headers["location"]) == (303, "/usage?by=key")


def test_a_wrong_password_keeps_the_address_and_nothing_else(house: House) -> None:
    """The page says that something was wrong, not what; the password is not written back."""
    house.person("ada@example.org", Role.MEMBER)
    wrong = house.visitor().post("/sign-in", email="ada@example.org", password="a wrong password")
    nobody = house.visitor().post("/sign-in", email="bob@example.org", password="a wrong password")

    assert wrong.status_code == nobody.status_code == 401
    assert 'value="ada@example.org"' in wrong.text
    assert "a wrong password" not in wrong.text
    assert "The e-mail address or the password is wrong" in wrong.text
    assert "The e-mail address or the password is wrong" in nobody.text


def test_guessing_is_slowed_down(house: House) -> None:
    """After some failures the next attempt has to wait, and is told how long."""
    house.person("ada@example.org", Role.MEMBER)
    visitor = house.visitor()
    answers = [visitor.post("/sign-in", email="ada@example.org", password=f"guess {n}") for n in range(8)]

    assert answers[-1].status_code == 429
    assert "try again in" in answers[-1].text


@pytest.mark.parametrize(
    "next", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil", "/a\r\nb: c"]
)
def test_no_link_leads_from_our_sign_in_to_another_site(house: House, next: str) -> None:
    """`next` is a path of ours, or is passed over."""
    house.person("ada@example.org", Role.MEMBER)
    answer = house.visitor().post("/sign-in", email="ada@example.org", password=PASSWORD, next=next)

    assert answer.headers["location"] == "/"


def test_signing_out_ends_the_session_for_good(house: House) -> None:
    """The cookie is taken away, and a copy of it opens nothing."""
    visitor, thief = house.operator(), house.visitor()
    thief.cookies.set("courtyard", visitor.cookies["courtyard"])
    before = thief.get("/keys")
    answer = visitor.post("/sign-out")

    assert before.status_code == 200
    assert "max-age=0" in cookies_set(answer)["courtyard"].attributes
    assert thief.get("/keys").headers["location"] == "/sign-in?next=%2Fkeys"


def test_signing_in_again_ends_the_session_before(house: House) -> None:
    """A browser has one session; the old token does not live on."""
    visitor = house.operator()
    old = visitor.cookies["courtyard"]
    visitor.post("/sign-in", token=house.identity.one_time_link(house.setup.person.id))
    thief = house.visitor()
    thief.cookies.set("courtyard", old)

    assert thief.get("/keys").status_code == 303


def test_an_idle_session_is_over(house: House) -> None:
    """Twelve hours without a look, and one has to sign in again; scripts are told in JSON."""
    visitor = house.operator()
    house.clock.advance(12 * 3600 + 1)
    page, endpoint = visitor.get("/keys"), visitor.get("/api/console/usage")

    assert page.status_code == 303
    assert (endpoint.status_code, endpoint.json()["error"]["code"]) == (401, "sign_in_needed")


def test_a_first_password_is_set_and_the_next_one_needs_it(house: House) -> None:
    """Setting one ends other sessions and goes on in a new one; changing it asks for the one before."""
    visitor, other = house.operator(), house.operator()
    set_first = visitor.post("/account/password", new=PASSWORD, repeated=PASSWORD)
    unasked = visitor.post(
        "/account/password", current="wrong wrong wrong", new="another password", repeated="another password"
    )
    changed = visitor.post("/account/password", current=PASSWORD, new="another password", repeated="another password")

    assert set_first.status_code == 303
    assert visitor.get("/account").status_code == 200
    assert other.get("/account").status_code == 303
    assert unasked.status_code == 401
    assert changed.status_code == 303
    assert house.visitor().post("/sign-in", email="operator@localhost", password="another password").status_code == 303


@pytest.mark.parametrize(("new", "repeated"), [("short", "short"), (PASSWORD, PASSWORD + "!")])
def test_a_password_that_will_not_do_is_refused(house: House, new: str, repeated: str) -> None:
    """Too short, or not the same twice."""
    answer = house.operator().post("/account/password", new=new, repeated=repeated)

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert not house.identity.person(house.setup.person.id).has_password


def test_a_link_signs_in_whatever_others_tried_from_its_address(house: House) -> None:
    """Somebody outside who shares a proxy with everybody can't take the way back in from them."""
    visitor = house.visitor()
    tries = [visitor.post("/sign-in", token=f"guess {n}").status_code for n in range(25)]
    link = house.identity.one_time_link(house.setup.person.id)

    assert tries == [401] * 25
    assert house.visitor().post("/sign-in", token=link).status_code == 303
