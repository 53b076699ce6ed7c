"""The assistant's pages and what its script asks of them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from courtyard.billing import Billing, Payments
from courtyard.console import ConsoleRooms, ConsoleSettings, console_app
from courtyard.core.principal import Role
from courtyard.documents import Documents
from courtyard.knowledge import Knowledge
from courtyard.notices import Notices
from courtyard.storage import Database
from tests.assistant.house import Rooms
from tests.console.house import wall_of

API = "/api/assistant/conversations"


class Event(NamedTuple):
    """One server-sent event."""

    name: str
    told: Any


class Browser:
    """Somebody who is signed in, with the token of their pages."""

    def __init__(self, app: Any, rooms: Rooms, person: str, *, language: str = "en") -> None:
        signed_in = rooms.identity.sign_in_by_link(rooms.identity.one_time_link(person))
        self.rooms = rooms
        self.principal = signed_in.session.principal
        self.csrf = {"x-csrf-token": signed_in.session.csrf}
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://localhost",
            cookies={"courtyard": signed_in.token, "courtyard-language": language},
        )

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query)

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, path, json=body, headers=self.csrf)

    async def ask(self, path: str = API, *, method: str = "POST", **body: Any) -> list[Event]:
        response = await self.send(method, path, body)
        assert response.status_code == 200, response.text
        frames = re.findall(r"event: (\w+)\ndata: (.*)\n\n", response.text)
        return [Event(name, msgspec.json.decode(data)) for name, data in frames]


@asynccontextmanager
async def visiting(tmp_path: Path, *, language: str = "en", **settings: Any) -> AsyncIterator[Browser]:
    """Open the house, and walk in as its operator."""
    database = Database.in_directory(tmp_path)
    database.upgrade()
    rooms = Rooms(database, tmp_path, **settings)
    async with rooms.open():
        browser = Browser(application(rooms), rooms, str(rooms.me.person), language=language)
        yield browser
        await browser.http.aclose()
    rooms.close()
    database.close()


def application(rooms: Rooms) -> Any:
    billing = Billing(
        rooms.database,
        rooms.keyring,
        rooms.clock,
        identity=rooms.identity,
        ledger=rooms.ledger,
        pricing=rooms.pricing,
        licensing=rooms.licensing,
    )
    return console_app(
        ConsoleRooms(
            identity=rooms.identity,
            catalogue=rooms.catalogue,
            pricing=rooms.pricing,
            ledger=rooms.ledger,
            licensing=rooms.licensing,
            serving=rooms.serving,
            assistant=rooms.assistant,
            knowledge=Knowledge(rooms.database, rooms.clock, Documents()),
            evidence=rooms.evidence,
            notices=Notices(rooms.database, rooms.clock),
            billing=billing,
            payments=Payments(rooms.database, rooms.clock, rooms.ledger),
            wall=wall_of(rooms, rooms.directory, rooms.keyring),
            clock=rooms.clock,
            settings=ConsoleSettings(),
        )
    )


def test_a_question_begins_a_conversation_and_is_answered_as_a_stream(tmp_path: Path):
    """What was asked, pieces, and the answer as it is kept: with its label, tokens, cost, region and receipt."""

    async def visit():
        async with visiting(tmp_path) as browser:
            response = await browser.send("POST", API, {"text": "one two"})
            events = await browser.ask(text="one two three", model="parrot")
            page = await browser.get(f"/assistant/{events[0].told['conversation']}")
            return response.headers, events, page.text

    headers, events, page = asyncio.run(visit())
    begin, *deltas, done = events

    assert "event-stream" in headers["content-type"]
    assert headers["cache-control"] == "no-store"
    assert [event.name for event in events] == ["begin", "delta", "delta", "delta", "done"]
    assert (begin.told["title"], begin.told["number"]) == ("one two three", 2)
    assert "".join(event.told["text"] for event in deltas) == "one two three"
    assert (done.told["kept"], done.told["state"]) == (True, "complete")
    for fact in ("AI-generated", "10 → 3 tokens", "$0.000016", "home", "parrot", "/receipts/req_"):
        assert fact in done.told["html"]
    assert done.told["html"].strip() in page
    assert begin.told["question"].strip() in page


def test_what_people_and_models_write_is_text_in_every_page(tmp_path: Path):
    """Tags in questions, answers, titles and searches are written as characters."""
    hostile = "<script>alert(1)</script> \"' onload=x <img src=x>"

    async def visit():
        async with visiting(tmp_path) as browser:
            begin, *_, done = await browser.ask(text=hostile)
            page = await browser.get(f"/assistant/{begin.told['conversation']}", q=hostile)
            listing = await browser.get(API, q="<script>", current=begin.told["conversation"])
            return begin.told["question"] + done.told["html"], page.text, listing.text

    fragments, page, listing = asyncio.run(visit())

    for html in (fragments, page, listing):
        assert "<script>alert" not in html
        assert "<img" not in html
        assert "&lt;script&gt;" in html


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_speak_the_readers_language(tmp_path: Path, language: str):
    """The empty page offers examples in it, and refusals are told in it."""

    async def visit():
        async with visiting(tmp_path, language=language, wallet_nano=0) as browser:
            page = await browser.get("/assistant")
            *_, done = await browser.ask(text="hello")
            refused = await browser.send("POST", API, {"text": " "})
            return page.text, done, refused

    page, done, refused = asyncio.run(visit())
    example, failed = {
        "en": ("Compare SQLite and PostgreSQL in a table", "No answer."),
        "zh": ("用表格比较 SQLite 和 PostgreSQL", "未能回答。"),
    }[language]

    assert example in page
    assert f'lang="{language}"' in page
    assert failed in done.told["html"]
    assert "/usage" in done.told["html"]
    assert refused.status_code == 400
    assert re.search(r"[一-鿿]", refused.json()["error"]["message"]) if language == "zh" else True


def test_nobody_asks_without_a_session_a_token_and_a_role(tmp_path: Path):
    """Each is refused plainly, and no conversation comes of it."""

    async def visit():
        async with visiting(tmp_path) as browser:
            rooms = browser.rooms
            app = application(rooms)
            organisation = rooms.me.organisation
            auditor = rooms.identity.add_person(organisation, email="auditor@example.org", role=Role.AUDITOR)
            looking = Browser(app, rooms, str(auditor.id))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as nobody:
                answers = (
                    await nobody.get("/assistant"),
                    await nobody.get(API),
                    await browser.http.post(API, json={"text": "forged"}),
                    await looking.get("/assistant"),
                    await looking.send("POST", API, {"text": "hello"}),
                )
            await looking.http.aclose()
            return [answer.status_code for answer in answers], rooms.assistant.conversations(rooms.me).conversations

    statuses, conversations = asyncio.run(visit())

    assert statuses == [303, 401, 403, 403, 403]
    assert conversations == ()


def test_a_conversation_is_nobody_elses(tmp_path: Path):
    """To everybody else each address of it leads nowhere."""

    async def visit():
        async with visiting(tmp_path) as browser:
            begin, *_ = await browser.ask(text="secret")
            id = begin.told["conversation"]
            stranger = Browser(application(browser.rooms), browser.rooms, str(browser.rooms.stranger().person))
            answers = [
                await stranger.get(f"/assistant/{id}"),
                await stranger.get(f"{API}/{id}/messages/1"),
                await stranger.send("POST", f"{API}/{id}/messages", {"text": "hello"}),
                await stranger.send("PUT", f"{API}/{id}/messages/last", {"text": "hello"}),
                await stranger.send("POST", f"{API}/{id}/answers", {}),
                await stranger.send("POST", f"{API}/{id}/messages/2/variant", {"variant": 1}),
                await stranger.send("PATCH", f"{API}/{id}", {"title": "mine"}),
                await stranger.send("DELETE", f"{API}/{id}"),
            ]
            listing = await stranger.get(API, q="secret")
            await stranger.http.aclose()
            return answers, listing.text, begin.told["conversation"]

    answers, listing, id = asyncio.run(visit())

    assert {answer.status_code for answer in answers} == {404}
    assert all("secret" not in answer.text for answer in answers)
    assert id not in listing


def test_a_conversation_is_shared_read_and_taken_back(tmp_path: Path):
    """A colleague reads it by the link and finds nothing to change there; afterwards the link leads nowhere."""

    async def visit():
        async with visiting(tmp_path) as browser:
            begin, *_ = await browser.ask(text="one two")
            at = f"{API}/{begin.told['conversation']}"
            link = f"/assistant/shared/{(await browser.send('POST', f'{at}/share')).json()['share']}"
            colleague = Browser(application(browser.rooms), browser.rooms, str(browser.rooms.stranger().person))
            read = await colleague.get(link)
            refused = [await colleague.send(method, f"{at}/share") for method in ("POST", "DELETE")]
            revoked = await browser.send("DELETE", f"{at}/share")
            gone = await colleague.get(link)
            await colleague.http.aclose()
            return read, refused, revoked, gone

    read, refused, revoked, gone = asyncio.run(visit())

    assert read.status_code == 200
    assert read.text.count("one two") >= 2
    for tool in ("data-again", "data-edit", "/receipts/", "composer"):
        assert tool not in read.text
    assert {one.status_code for one in refused} == {404}
    assert (revoked.status_code, gone.status_code) == (204, 404)


def test_a_conversation_keeps_the_collections_that_are_there(tmp_path: Path):
    """They are chosen with the first question or later, shown as chosen, and one that is gone is marked as stale."""

    async def visit():
        async with visiting(tmp_path) as browser:
            knowledge = Knowledge(browser.rooms.database, browser.rooms.clock, Documents())
            await asyncio.to_thread(knowledge.create, browser.principal, "travel", "Travel rules")
            fresh = await browser.get("/assistant", knowledge="travel")
            begin, *_ = await browser.ask(text="one", knowledge=["travel"])
            at = begin.told["conversation"]
            page = await browser.get(f"/assistant/{at}")
            changed = await browser.send("PUT", f"{API}/{at}/knowledge", {"knowledge": ["travel", "gone"]})
            stale = await browser.get(f"/assistant/{at}")
            refused = await browser.send("PUT", f"{API}/{at}/knowledge", {"knowledge": "travel"})
            return fresh.text, page.text, changed.json(), stale.text, refused.status_code

    fresh, page, changed, stale, refused = asyncio.run(visit())

    for text in (fresh, page, stale):
        assert re.search(r'value="travel" checked>\s*<span dir="auto">Travel rules', text)
    assert changed == {"knowledge": ["travel", "gone"]}
    assert ("data-stale" in page, "data-stale" in stale) == (False, True)
    assert refused == 400


def test_answers_are_made_again_chosen_and_asked_for_in_other_words(tmp_path: Path):
    """Variants can be switched; an edited question takes the place of the old one."""

    async def visit():
        async with visiting(tmp_path) as browser:
            begin, *_ = await browser.ask(text="one")
            at = f"{API}/{begin.told['conversation']}"
            *_, again = await browser.ask(f"{at}/answers")
            first = await browser.send("POST", f"{at}/messages/2/variant", {"variant": 1})
            none = [
                await browser.send("POST", f"{at}/messages/{number}/variant", {"variant": variant})
                for number, variant in ((2, 7), (2, 0), (2, 2**70), (7, 1), (2**70, 1))
            ]
            begun, *_, edited = await browser.ask(f"{at}/messages/last", method="PUT", text="better")
            kept = await browser.get(f"{at}/messages/1")
            return again, first, none, begun, edited, kept

    again, first, none, begun, edited, kept = asyncio.run(visit())

    assert "2 / 2" in again.told["html"]
    assert "1 / 2" in first.text
    assert {refused.status_code for refused in none} <= {400, 404}
    assert "better" in begun.told["question"]
    assert "better" in edited.told["html"]
    assert " / " not in edited.told["html"]
    assert "better" in kept.text


def test_a_message_is_not_there_while_an_answer_is_under_way(tmp_path: Path):
    """Whoever waits for an answer that another window asked for is told to wait, and the page says so too."""

    async def visit():
        async with visiting(tmp_path) as browser:
            assistant, me = browser.rooms.assistant, browser.principal
            conversation = await asyncio.to_thread(assistant.create, me, "one")
            reply = await assistant.send(me, conversation.id, "one")
            during = await browser.get(f"{API}/{conversation.id}/messages/2")
            page = await browser.get(f"/assistant/{conversation.id}")
            second = await browser.send("POST", f"{API}/{conversation.id}/messages", {"text": "two"})
            await reply.aclose()
            missing = await browser.get(f"{API}/{conversation.id}/messages/2")
            after = await browser.get(f"/assistant/{conversation.id}")
            return during, page.text, second, missing, after.text

    during, page, second, missing, after = asyncio.run(visit())

    assert (during.status_code, second.status_code, missing.status_code) == (202, 409, 404)
    assert second.headers["retry-after"]
    assert 'data-answering="2"' in page
    assert "data-answering" not in after
    assert re.search(r'id="pending">', after)


def test_conversations_are_listed_searched_renamed_and_deleted(tmp_path: Path):
    """What the sidebar does is kept."""

    async def visit():
        async with visiting(tmp_path) as browser:
            for number in range(32):
                begin, *_ = await browser.ask(text=f"question {number}")
            at = f"{API}/{begin.told['conversation']}"
            first = await browser.get(API)
            before = re.search(r'data-more="([^"]+)"', first.text)
            assert before is not None
            second = await browser.get(API, before=before[1])
            renamed = await browser.send("PATCH", at, {"title": " Better \n name "})
            empty = await browser.send("PATCH", at, {"title": " "})
            found = await browser.get(API, q="better")
            deleted = await browser.send("DELETE", at)
            gone = await browser.get(f"/assistant/{begin.told['conversation']}")
            return first.text, second.text, renamed, empty, found.text, deleted, gone

    first, second, renamed, empty, found, deleted, gone = asyncio.run(visit())

    assert (first.count("data-thread"), second.count("data-thread")) == (30, 2)
    assert "data-more" not in second
    assert renamed.json() == {"title": "Better name"}
    assert empty.status_code == 400
    assert found.count("data-thread") == 1
    assert (deleted.status_code, gone.status_code) == (204, 404)


def test_long_conversations_show_their_newest_messages(tmp_path: Path):
    """Earlier ones are a link away."""

    async def visit():
        async with visiting(tmp_path) as browser:
            begin, *_ = await browser.ask(text="0")
            for number in range(1, 4):
                await browser.ask(f"{API}/{begin.told['conversation']}/messages", text=str(number))
            path = f"/assistant/{begin.told['conversation']}"
            return (await browser.get(path, shown=2)).text, (await browser.get(path, shown=8)).text

    some, everything = asyncio.run(visit())

    assert some.count('<article class="message user"') == 1
    assert 'href="?shown=8"' in some
    assert everything.count('<article class="message user"') == 4
    assert 'class="earlier"' not in everything


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"text": 1}',
        b'{"text": "a", "more": 1}',
        b'{"model": "parrot"}',
        b'{"text": "' + b"x" * 40_000 + b'"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_a_question_is_refused(tmp_path: Path, body: bytes):
    """A body that makes no sense gets a 400 with a sentence, and begins nothing."""

    async def visit():
        async with visiting(tmp_path) as browser:
            headers = {**browser.csrf, "content-type": "application/json"}
            response = await browser.http.post(API, content=body, headers=headers)
            return response, browser.rooms.assistant.conversations(browser.principal).conversations

    response, conversations = asyncio.run(visit())

    assert response.status_code == 400
    assert response.json()["error"]["message"]
    assert conversations == ()
