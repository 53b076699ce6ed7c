"""Somebody signs in at their provider's page and lands on ours."""

import re
from pathlib import Path

import httpx
import pytest

from tests.identity.openid import SECRET, came_back, provider
from tests.walk.server import serving


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_browser_goes_there_and_back(tmp_path: Path) -> None:
    """The button leads to the provider, and whom it vouches for is signed in; a second use of the way back is not."""
    with provider() as issuer:
        environ = {
            "COURTYARD_SIGN_ON__STAFF__ISSUER": issuer,
            "COURTYARD_SIGN_ON__STAFF__CLIENT_ID": "courtyard",
            "COURTYARD_SIGN_ON__STAFF__CLIENT_SECRET_ENV": "STAFF_SECRET",
            "COURTYARD_SIGN_ON__STAFF__LABEL": "Example Ltd",
            "COURTYARD_SIGN_ON__STAFF__PRIVATE_HOSTS": "127.0.0.1",
            "STAFF_SECRET": SECRET,
        }
        with serving(tmp_path / "data", environ=environ) as running, httpx.Client(base_url=running.url) as browser:
            page = browser.get("/sign-in?next=/keys").text
            button = re.search(r'href="(/sign-in/with/staff[^"]*)"', page)
            there = browser.get(button[1])
            query = came_back(there.headers["location"], "ana")
            back = browser.get("/sign-in/back/staff", params=query)
            landed = browser.get(back.headers["location"])
            again = browser.get("/sign-in/back/staff", params=query)
            stranger = httpx.get(f"{running.url}/sign-in/back/staff", params=query)

    assert "Example Ltd" in page
    assert (there.status_code, back.status_code, back.headers["location"]) == (303, 303, "/keys")
    assert landed.status_code == 200
    assert "Ana" in landed.text
    assert (again.status_code, stranger.status_code) == (401, 401)
