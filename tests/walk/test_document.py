"""The API document says what the doors do: whatever it allows or forbids is answered as it says, and never by a 5xx."""

import json

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from courtyard.core.ids import new_id
from courtyard.gateway import openapi
from tests.walk.books import check_closed
from tests.walk.wire import wired

SCHEMA = schemathesis.openapi.from_dict(openapi())

# That two fields fit each other is more than a schema can say.
EXCLUDED = [positive_data_acceptance]


def test_the_server_serves_the_document(server):
    """Without a key, so that tools can read it."""
    with wired(server) as wire:
        wire.send(b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = wire.answer()

    assert answer.status == 200
    assert json.loads(answer.body) == json.loads(json.dumps(openapi()))


@SCHEMA.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_doors_are_as_described(case, server):
    """Statuses, content types and bodies are those of the document; a body that it forbids is refused."""
    if case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        case.body["model"] = "echo"
        case.headers.pop("Idempotency-Key", None)
        if case.body.get("store"):
            case.headers["Idempotency-Key"] = new_id("key")
    response = case.call(base_url=server.url, headers={"Authorization": f"Bearer {server.api_key}"})

    case.validate_response(response, excluded_checks=EXCLUDED)


def test_a_request_that_is_sent_again_is_answered_as_described(server):
    """With the receipt of the first, in every dialect; asked for as a stream too."""
    for operation, body in {
        "/v1/chat/completions": {"messages": [{"role": "user", "content": "hello"}], "stream": True},
        "/v1/completions": {"prompt": "hello"},
        "/v1/embeddings": {"input": "hello"},
        "/v1/responses": {"input": "hello"},
        "/v1/messages": {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5},
    }.items():
        headers = {"Authorization": f"Bearer {server.api_key}", "Idempotency-Key": new_id("key")}
        for again in (False, True):
            case = SCHEMA[operation]["POST"].Case(
                body={"model": "echo"} | body, headers=dict(headers), media_type="application/json"
            )
            response = case.call(base_url=server.url)
            case.validate_response(response, excluded_checks=EXCLUDED)

            assert response.status_code == 200
            assert ("idempotent-replayed" in response.headers) == again
            assert not again or response.json()["object"] == "courtyard.receipt"


def test_the_books_are_clean_after_all_that(server):
    """Nothing is held, and every check passes."""
    assert server.stop() == 0
    check_closed(server.data_dir)
