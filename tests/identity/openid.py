"""A provider of OpenID Connect on this machine, and somebody who signs in at it."""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx

SECRET = "a client's secret"
ANA = {"email": "ana@example.org", "email_verified": True, "name": "Ana", "groups": ["staff", "wall"]}
EVE = {"email": "operator@localhost", "email_verified": True, "name": "Eve", "groups": []}
BOB = {"email": "bob@example.org", "email_verified": False, "name": "Bob"}
PEOPLE = {"ana": ANA, "ana-2": ANA, "eve": EVE, "bob": BOB}


@contextmanager
def provider(people: Mapping[str, Mapping[str, object]] = PEOPLE) -> Iterator[str]:
    """Serve a provider that knows these people by their subjects; its address is its issuer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It uses what its own library calls old.
        from oidc_provider_mock import User, run_server_in_thread  # noqa: PLC0415

        users = [User(sub=sub, claims=dict(claims)) for sub, claims in people.items()]
        with run_server_in_thread(user_claims=users) as server:
            yield f"http://127.0.0.1:{server.server_port}"


def came_back(url: str, subject: str) -> dict[str, str]:
    """Sign in at the provider's page, and say what the browser brings back."""
    answer = httpx.post(url, data={"sub": subject, **_hidden(url)}, trust_env=False)
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def _hidden(url: str) -> dict[str, str]:
    """What a form of the provider's page carries along."""
    page = httpx.get(url, trust_env=False).text
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
