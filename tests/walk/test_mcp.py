"""The documents, as other assistants use them: the official client of the protocol, on a real socket."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from courtyard.gateway import GatewayLimits
from courtyard.knowledge import McpDoor
from tests.knowledge.shelf import Shelf
from tests.walk.housed import Housed, housed
from tests.walk.test_grounding import ASKED, LEAVE, SHELF, UNKNOWN
from tests.walk.wire import wired

DISCOVER = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
JSON = ("Content-Type: application/json", "Accept: application/json, text/event-stream")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Housed]:
    """A house whose door leads to a shelf, one collection of which is somebody else's."""
    with housed(tmp_path_factory.mktemp("mcp") / "d", GatewayLimits()) as running:
        shelf = Shelf(running.server.house.identity.organisations()[0].id, SHELF)
        shelf.readers["pay"] = ("somebody else",)
        running.server.mcp = McpDoor(shelf, running.server.who)
        yield running


def using(house: Housed, work: Callable[[Client], Awaitable[Any]], *, mode: str = "auto", key: str = "") -> Any:
    """Run some work with a client of the official package."""

    async def run() -> Any:
        host, port = house.address
        headers = {"Authorization": f"Bearer {key or house.api_key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"http://{host}:{port}/mcp", http_client=http)
            async with Client(transport, mode=mode, cache=None) as client:
                return await work(client)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_documents_are_searched_and_read(house, mode):
    """By the protocol of today and by the handshake of before; ids of one tool are taken by the other."""

    async def work(client: Client) -> Any:
        tools = await client.list_tools()
        found = await client.call_tool("search", {"query": ASKED, "collections": ["handbook"], "limit": 1})
        (first,) = found.structured_content["passages"]
        return tools, found, first, await client.call_tool("read", {"id": first["id"], "passages": 5})

    tools, found, first, read = using(house, work, mode=mode)

    assert [(tool.name, tool.annotations.read_only_hint) for tool in tools.tools] == [("search", True), ("read", True)]
    assert tools.tools[0].input_schema["required"] == ["query"]
    assert (first["id"], first["text"], first["document"]) == ("handbook/doc_leave/1", LEAVE[0], "leave.md")
    assert f"> {LEAVE[0]}" in found.content[0].text
    assert [one["text"] for one in read.structured_content["passages"]] == LEAVE


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search", {"query": ASKED, "collections": ["pay"]}, "no collection 'pay'"),
        ("search", {"query": "", "collections": []}, "length >= 1"),
        ("search", {"query": "x", "limit": 1000}, "<= 20"),
        ("search", {}, "query"),
        ("read", {"id": "handbook"}, "no id of a passage"),
        ("read", {"id": "handbook/doc_nobody/1"}, "no passage"),
        ("write", {}, "there is no tool 'write'"),
    ],
)
def test_what_is_refused_is_said_to_the_model(house, tool, arguments, told):
    """An error of a tool is an answer that a model can act on."""
    answer = using(house, lambda client: client.call_tool(tool, arguments))

    assert answer.is_error
    assert told in answer.content[0].text


def test_what_is_not_found_is_said_and_what_is_not_ones_own_is_not_searched(house):
    """Without names, everything is searched that the caller may read, and nothing else."""
    unknown = using(house, lambda client: client.call_tool("search", {"query": UNKNOWN}))
    salaries = using(house, lambda client: client.call_tool("search", {"query": "When are salaries paid?"}))

    assert unknown.structured_content == {"passages": []}
    assert unknown.content[0].text.startswith("I did not find this in “Staff handbook”")
    assert not any(one["collection"] == "pay" for one in salaries.structured_content["passages"])


def test_who_has_no_key_learns_nothing(house):
    """A missing and a wrong key are refused before the body is read, with how to authenticate."""
    with wired(house) as wire:
        wire._key = "cy_wrong"
        refused = wire.ask("/mcp", DISCOVER, *JSON)

    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.error["code"] == "invalid_api_key"


def test_only_bounded_posts_are_taken(house):
    """There is no stream to hold open, and no body without end."""
    with wired(house) as wire:
        wire.send(wire.head("/mcp", "Accept: text/event-stream", method="GET"))
        answer = wire.answer()
        broken = wire.ask("/mcp", b"{", *JSON)
        large = wire.ask("/mcp", b'{"x":"' + b"x" * (1 << 20) + b'"}', *JSON)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert large.status == 413
    assert broken.status == 400
    assert json.loads(broken.body)["error"]["code"] == -32700
