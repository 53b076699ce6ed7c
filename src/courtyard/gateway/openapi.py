"""The OpenAPI description of `/v1`, made from the decoders and structures that the doors themselves use."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.json import Decoder

from courtyard.gateway.model import Told
from courtyard.gateway.wire import chat, completions, embeddings, messages, models, responses
from courtyard.gateway.wire.replay import Replay
from courtyard.http import AnthropicError, OpenAIError

_REF = "#/components/schemas/{name}"

_REFUSALS = {
    400: "The request can't be read, or makes no sense. `param` names the field.",
    401: "The API key is missing, unknown, revoked or expired.",
    402: "An account can't cover the request.",
    403: "A rule or the caller's role refuses it.",
    404: "No such model or address.",
    408: "The body came too slowly.",
    409: "The idempotency key was used with another body, or its first request is still running.",
    413: "The body is too large.",
    429: "A limit is used up, or every place is taken. `Retry-After` says when to come back.",
    500: "A bug.",
    502: "The engine failed.",
    503: "The house can't serve this just now. `Retry-After` says when to come back.",
    504: "The engine said nothing for too long, or the answer took longer than a request may.",
}

_HEADERS = {
    "X-Request-Id": {"description": "The caller's own id where one was sent, else ours.", "schema": {"type": "string"}},
    "X-Courtyard-Request": {"description": "Our id of the request and of its receipt.", "schema": {"type": "string"}},
    "X-Courtyard-Label": {
        "description": "Says, as a dictionary of RFC 9651, that the answer was generated, and by what.",
        "schema": {"type": "string"},
    },
}

_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "A request that is sent again under the same key does nothing again: it is answered with the receipt of the "
        "first one, and the header `Idempotent-Replayed: true`."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}

_PURPOSE = {
    "name": "X-Courtyard-Purpose",
    "in": "header",
    "description": "What the request is for, in the operator's words. Some providers serve some purposes only.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
}


class _Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    operation: str
    summary: str
    fields: Mapping[str, Decoder[Any]]
    required: tuple[str, ...]
    answer: dict[str, Any]
    streams: bool = True
    error: str = "OpenAIError"


def openapi() -> dict[str, Any]:
    """Describe `/v1` as an OpenAPI 3.1 document, to be merged into the house's own."""
    schemas = _Schemas()
    paths: dict[str, Any] = {endpoint.path: {"post": _post(endpoint, schemas)} for endpoint in _endpoints(schemas)}
    paths["/v1/models"] = {"get": _get("list_models", "List the models that you may use.", _models(schemas))}
    paths["/v1/models/{model}"] = {
        "get": _get("get_model", "Show one model.", schemas.of(models.OpenAIModel)) | {"parameters": [_MODEL]}
    }
    for error in (OpenAIError, AnthropicError):
        schemas.of(error)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Courtyard", "version": "1", "description": "The OpenAI and Anthropic doors."},
        "security": [{"bearer": []}, {"api_key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "api_key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }


_MODEL = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


class _Schemas:
    """Gathers the structures that the document names."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        """Describe a type; the structures in it become components."""
        (schema,), found = msgspec.json.schema_components([kind], ref_template=_REF)
        self.components |= found
        return schema


def _endpoints(schemas: _Schemas) -> list[_Endpoint]:
    return [
        _Endpoint(
            path="/v1/chat/completions",
            operation="create_chat_completion",
            summary="Answer a chat.",
            fields=chat.FIELDS,
            required=("model", "messages"),
            answer=schemas.of(chat.ChatCompletion),
        ),
        _Endpoint(
            path="/v1/completions",
            operation="create_completion",
            summary="Continue a text.",
            fields=completions.FIELDS,
            required=("model", "prompt"),
            answer=schemas.of(completions.TextCompletion),
        ),
        _Endpoint(
            path="/v1/embeddings",
            operation="create_embedding",
            summary="Turn texts into vectors.",
            fields=embeddings.FIELDS,
            required=("model", "input"),
            answer=schemas.of(embeddings.EmbeddingList),
            streams=False,
        ),
        _Endpoint(
            path="/v1/responses",
            operation="create_response",
            summary="Answer as OpenAI's Responses API does; nothing is kept between requests.",
            fields=responses.FIELDS,
            required=("model", "input"),
            answer=_object("id", "object", "status", "output", "usage", courtyard=schemas.of(Told)),
        ),
        _Endpoint(
            path="/v1/messages",
            operation="create_message",
            summary="Answer as Anthropic's Messages API does.",
            fields=messages.FIELDS,
            required=("model", "messages", "max_tokens"),
            answer=_object("id", "type", "role", "content", "stop_reason", "usage", courtyard=schemas.of(Told)),
            error="AnthropicError",
        ),
    ]


def _post(endpoint: _Endpoint, schemas: _Schemas) -> dict[str, Any]:
    answers = {"anyOf": [endpoint.answer, schemas.of(Replay)]}
    content: dict[str, Any] = {"application/json": {"schema": answers}}
    if endpoint.streams:
        content["text/event-stream"] = {}  # OpenAPI 3.1 has no words for events.
    body = {
        "type": "object",
        "required": list(endpoint.required),
        "properties": {name: _given(schemas.of(kind.type)) for name, kind in sorted(endpoint.fields.items())},
    }
    return {
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "description": "Fields that are not listed pass through to the engine.",
        "parameters": [_IDEMPOTENCY_KEY, _PURPOSE],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "The answer.", "headers": _HEADERS, "content": content}}
        | _refusals(endpoint.error, *_REFUSALS),
    }


def _get(operation: str, summary: str, answer: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": answer}}
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": {"description": "The answer.", "headers": _HEADERS, "content": content}}
        | _refusals("OpenAIError", 401, 404, 429, 500, 503),
    }


def _refusals(error: str, *statuses: int) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name=error)}}}
    return {str(status): {"description": _REFUSALS[status], "content": content} for status in statuses}


def _models(schemas: _Schemas) -> dict[str, Any]:
    data = {"type": "array", "items": schemas.of(models.OpenAIModel)}
    return {
        "type": "object",
        "required": ["object", "data"],
        "properties": {"object": {"const": "list"}, "data": data},
    }


def _object(*required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [*required, *properties], "properties": properties}


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe a field where it is given: that null counts as absent is a courtesy, not a promise."""
    match schema:
        case {"anyOf": [only, {"type": "null"}]}:
            return dict(only)
        case {"anyOf": [*kinds, {"type": "null"}]}:
            return schema | {"anyOf": kinds}
    return schema
