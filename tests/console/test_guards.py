"""What no page lets through, and what every response says."""

from typing import Any

import pytest

from courtyard.console import ConsoleSettings
from tests.console.conftest import Build
from tests.console.house import House, cookies_set

PAGES = ("/guide", "/usage", "/receipts", "/keys", "/models", "/account", "/assistant")
CHANGING = ("/sign-in", "/sign-out", "/keys", "/account/password", "/preferences", "/api/console/try")


@pytest.mark.parametrize("path", [*PAGES, "/usage.csv", "/usage.json", "/receipts/req_1"])
def test_nothing_is_shown_to_whoever_is_not_signed_in(house: House, path: str) -> None:
    """Every page leads to the sign-in page, and says nothing else."""
    answer = house.visitor().get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("path", CHANGING)
def test_a_form_without_our_token_is_refused(house: House, path: str) -> None:
    """Signed in or not, no form and no script changes anything without the page's token."""
    visitor = house.operator()
    answers = [
        visitor.send(path, {}),
        visitor.send(path, {"csrf": ""}),
        visitor.send(path, {"csrf": "guessed"}),
        visitor.ask(path, {}, token="guessed"),
    ]

    assert [answer.status_code for answer in answers] == [403] * len(answers)


@pytest.mark.parametrize("path", CHANGING)
def test_a_token_alone_opens_nothing(house: House, path: str) -> None:
    """Without the session that it belongs to, a token is refused, or whoever sends it is told to sign in."""
    answer = house.visitor().send(path, {"csrf": house.operator().token()})

    assert (answer.status_code, answer.headers.get("location")) in ((403, None), (303, "/sign-in"), (401, None))


def test_a_token_of_somebody_else_s_session_is_refused(house: House) -> None:
    """A token belongs to one session."""
    visitor, other = house.operator(), house.operator()

    assert visitor.send("/keys", {"csrf": other.token(), "name": "x"}).status_code == 403
    assert house.identity.keys() == ()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[::1"}, 403),
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"origin": "http://127.0.0.1:8420"}, 303),
    ],
)
def test_a_form_of_another_site_is_refused_even_with_the_token(
    house: House, headers: dict[str, str], status: int
) -> None:
    """What the browser says about where a form comes from is believed."""
    answer = house.operator().post("/preferences", headers=headers, theme="dark")

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8420", 200),
        ("localhost:8420", 200),
        ("[::1]:8420", 200),
        ("192.168.1.20", 200),
        ("courtyard.localhost", 200),
        ("ai.example.org", 200),
        ("intranet", 200),
        ("evil.example", 421),
        ("evil.example:8420", 421),
        ("", 421),
        ("[::1", 421),
        ("[nonsense]", 421),
    ],
)
def test_a_name_that_was_pointed_at_us_is_refused(build: Build, host: str, status: int) -> None:
    """DNS rebinding sends a browser here under a name of another site, which never is one of ours."""
    house = build(ConsoleSettings(url="http://ai.example.org", hosts=("intranet",)))

    assert house.visitor().get("/sign-in", host=host).status_code == status


@pytest.mark.parametrize("path", ["/", "/sign-in"])
def test_a_host_that_makes_no_sense_is_no_bug(house: House, path: str) -> None:
    """It is refused like any other name, also where the house knows no address of its own."""
    assert house.visitor().get(path, host="[::1").status_code == 421


@pytest.mark.parametrize("path", ["/sign-in", "/nothing", "/static/x/nothing.js", "/", "/usage", "/api/console/usage"])
def test_every_response_has_the_headers_that_guard_it(house: House, path: str) -> None:
    """Errors and redirects too: no inline script, no frame, no guessing of types, no copy kept."""
    headers = house.visitor().get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


def test_no_page_needs_what_the_policy_refuses(house: House) -> None:
    """No inline script, style or handler stands in any page, and nothing comes from elsewhere."""
    visitor = house.operator()
    for page in (visitor.get(path).text for path in PAGES):
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        assert page.count("<script") == page.count('<script type="module" src="/static/') + page.count(
            '<script type="application/json"'
        )
        assert 'src="http' not in page
        assert 'href="http' not in page


def test_files_are_kept_for_as_long_as_they_are_the_same(house: House) -> None:
    """The address of a file holds the digest of all of them, so it may be kept for ever."""
    page = house.visitor().get("/sign-in").text
    path = page.split('<link rel="stylesheet" href="')[1].split('"')[0]
    kept, older = house.visitor().get(path), house.visitor().get("/static/older/app.css")

    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in kept.headers["cache-control"]
    assert older.content == kept.content
    assert older.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["../app.py", "..%2fapp.py", "%2e%2e/rooms.py", "vendor/../../app.py", "/etc/passwd", "", "vendor"]
)
def test_only_our_files_are_sent(house: House, path: str) -> None:
    """There is no way up from the files."""
    assert house.visitor().get(f"/static/x/{path}").status_code == 404


def test_a_body_that_is_too_large_is_refused(build: Build) -> None:
    """A form has room for what people type."""
    house = build(ConsoleSettings(body_bytes_max=10_000))
    answer = house.operator().post("/keys", name="x" * 20_000)

    assert answer.status_code == 413
    assert "larger than this server takes" in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(house: House, method: str) -> None:
    """A page takes what it takes."""
    visitor: Any = house.operator()

    assert house.run(visitor._client.request(method, "/keys")).status_code == 405


@pytest.mark.parametrize(
    ("path", "status", "english", "chinese"),
    [
        ("/nothing", 404, "There is nothing at this address", "此地址没有内容"),
        ("/sign-in", 403, "not from one of our pages", "并非来自本站页面"),
    ],
)
def test_errors_are_told_in_the_reader_s_language(
    house: House, path: str, status: int, english: str, chinese: str
) -> None:
    """Whatever is refused, the page says it in words that its reader understands."""
    ask = (lambda visitor: visitor.get(path)) if status == 404 else (lambda visitor: visitor.send(path, {}))
    told = ask(house.visitor()), ask(house.visitor(**{"accept-language": "zh-CN"}))

    assert [answer.status_code for answer in told] == [status, status]
    assert english in told[0].text
    assert chinese in told[1].text
    assert '<html lang="zh" dir="ltr"' in told[1].text


def test_language_and_light_are_remembered(house: House) -> None:
    """The switches answer with a cookie for a year, and lead back to the page."""
    visitor = house.visitor(**{"accept-language": "en"})
    answer = visitor.post("/preferences", language="zh", next="/sign-in?next=%2Fkeys")
    dark = visitor.post("/preferences", theme="dark", next="https://evil.example")
    odd = visitor.post("/preferences", theme="plaid", language="klingon")
    page = visitor.get("/sign-in")

    assert answer.headers["location"] == "/sign-in?next=%2Fkeys"
    assert "max-age=31536000" in cookies_set(answer)["courtyard-language"].attributes
    assert dark.headers["location"] == "/"
    assert cookies_set(odd) == {}
    assert '<html lang="zh" dir="ltr" data-theme="dark">' in page.text
    assert "登录" in page.text


def test_a_bug_is_logged_and_not_shown(house: House) -> None:
    """A page that breaks says so in the reader's words, without a trace of how."""
    house.rooms.pricing.in_force = None  # type: ignore[method-assign, assignment]
    answer = house.operator().get("/models")

    assert answer.status_code == 500
    assert "was logged" in answer.text
    assert "NoneType" not in answer.text
