"""Many at once on little: what was granted is the most that is spent."""

import json
import re
import time

import pytest

from tests.walk.load import BODY, crowd, post
from tests.walk.server import Running, courtyard

AT_ONCE = 256


def _key(server: Running, name: str, *limits: str) -> tuple[str, str]:
    """Make a key with limits; the server knows them within a second."""
    said = [word for limit in limits for word in ("--limit", limit)]
    made = json.loads(courtyard("keys", "create", "--name", name, *said, "--json", data_dir=server.data_dir).stdout)
    time.sleep(1)
    return made["key"]["id"], made["secret"]


def _balance(server: Running, owner: str) -> dict:
    listed = json.loads(courtyard("accounts", "list", "--json", data_dir=server.data_dir).stdout)
    (account,) = [account for account in listed if account["owner"] == owner]
    return account


def test_requests_are_counted_exactly(server):
    """Of 256 requests at once on a budget of 10, ten are answered and the others are refused with 402."""
    _, secret = _key(server, "ten", "10 requests/month")
    heard = crowd(server, AT_ONCE, key=secret)

    assert len(heard.receipts) == 10
    assert {(status, error["code"]) for status, error in heard.refusals} == {(402, "insufficient_quota")}


def test_money_is_never_overspent(server):
    """A money budget for about ten answers is never passed by 256 at once, whatever the order."""
    cost = json.loads(post(server, "/v1/chat/completions", BODY)[2])["courtyard"]["cost"]
    assert cost["unit"] == "usd_nano"
    budget = 10 * cost["count"]
    _, secret = _key(server, "money", f"{budget // 10**9}.{budget % 10**9:09d} USD/month")
    heard = crowd(server, AT_ONCE, key=secret)

    spent = sum(told["cost"]["count"] for told in heard.receipts)
    assert spent <= budget
    assert {status for status, _ in heard.refusals} == {402}


def test_a_minute_says_when_to_come_back(server):
    """A rate limit is a 429 with `Retry-After`."""
    _, secret = _key(server, "rate", "2 requests/minute")
    answers = [post(server, "/v1/chat/completions", BODY, key=secret) for _ in range(4)]

    refused = [(status, headers) for status, headers, _ in answers if status != 200]
    assert len(refused) >= 1
    assert all(status == 429 and 1 <= int(headers["retry-after"]) <= 60 for status, headers in refused)


@pytest.mark.parametrize("stream", [False, True])
def test_every_answer_says_what_the_limits_have_left(server, stream):
    """In the headers of OpenAI's API, with a refusal too; the tighter of two limits of one unit is told."""
    _, secret = _key(server, f"told{stream}", "3 requests/minute", "1000 requests/day")
    asked = BODY | {"stream": stream}
    heard = [post(server, "/v1/chat/completions", asked, key=secret)[1] for _ in range(5)]
    told = [{name: value for name, value in headers.items() if name.startswith("x-ratelimit-")} for headers in heard]

    assert {tuple(sorted(one)) for one in told} == {
        ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
    }
    assert {one["x-ratelimit-limit-requests"] for one in told} == {"3"}
    assert {"0", "2"} <= {one["x-ratelimit-remaining-requests"] for one in told}
    assert all(re.fullmatch(r"(1m)?\d+(s|ms)", one["x-ratelimit-reset-requests"]) for one in told)


@pytest.mark.parametrize("door", ["/v1/chat/completions", "/v1/messages"])
def test_an_empty_account_is_refused_in_the_callers_dialect(server, door):
    """A budget of nothing is a 402 that says who can raise it."""
    _, secret = _key(server, f"empty{door.count('m')}", "0 USD/month")
    status, _, body = post(server, door, BODY | {"max_tokens": 20}, key=secret)

    assert status == 402
    assert "raise" in json.loads(body)["error"]["message"]
