"""Upstream servers of every temper, over real sockets."""

import asyncio
import time
from contextlib import asynccontextmanager

import msgspec
import pytest
from msgspec import Raw

from courtyard.core.chat import Finish, Kind
from courtyard.core.errors import Busy, ContextOverflow, EngineFailed, EngineTimeout, InvalidRequest
from courtyard.core.usage import Usage
from courtyard.engines.upstream import Upstream
from tests.engines.prompts import chat, prompt, read, text, tokens, usage
from tests.engines.raw_server import DONE, END, SSE_HEAD, data, frame, replying, saying, talking, usage_frame
from tests.engines.upstream_server import serving

KEY = "sk-very-secret-0123456789"

WHOLE = (frame("Hello"), frame(" there"), frame(finish="stop"), usage_frame(7, 2), DONE)


@asynccontextmanager
async def upstream(server, **settings):
    """A client of the server, closed in the end."""
    client = Upstream(server.url, **settings)
    try:
        yield client
    finally:
        await client.close()


def ask(script, question=None, **settings):
    """Everything that an upstream with this script answers."""

    async def run():
        async with talking(script) as server, upstream(server, **settings) as client:
            return await read(client.generate("m", question or chat("Hello")))

    return asyncio.run(run())


async def gather(deltas, got):
    """Put the texts of an answer where they can be seen although it fails."""
    async for delta in deltas:
        got.append(delta.text)


# --- What is sent -----------------------------------------------------------------------------------------------------


def test_a_request_is_sent_as_it_came_and_always_streams_with_usage():
    """Unknown options pass through, the model has the engine's name for it, and the hold bounds the answer."""

    async def run():
        async with serving() as server, upstream(server, key=KEY) as client:
            asked = chat("Hello", tokens_max=5, choices=2, temperature=0.5, min_p=0.1, seed=7)
            await read(client.generate("their-name", asked, extra={"timings_per_token": Raw(b"true")}))
            return server.bodies[0], server.headers[0]

    body, headers = asyncio.run(run())

    assert body == {
        "model": "their-name",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 5,
        "n": 2,
        "temperature": 0.5,
        "min_p": 0.1,
        "seed": 7,
        "timings_per_token": True,
    }
    assert headers[b"authorization"] == f"Bearer {KEY}".encode()
    assert headers[b"x-request-id"] == b"req_01"
    assert headers[b"content-type"] == b"application/json"


def test_choices_of_several_prompts_are_asked_for_once_a_prompt():
    """`n` counts answers to each prompt, `choices` all of them. A list of tokens is one prompt."""

    async def run(content, choices):
        async with serving() as server, upstream(server) as client:
            deltas = await read(client.generate("m", prompt(Kind.COMPLETION, content, choices=choices)))
            return server.bodies[0].get("n"), [text(deltas, choice) for choice in range(choices)]

    assert asyncio.run(run(["a", "b"], 4)) == (2, ["a", "a", "b", "b"])
    assert asyncio.run(run("a", 2)) == (2, ["a", "a"])
    assert asyncio.run(run(["a", "b"], 2)) == (1, ["a", "b"])


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/"])
def test_the_address_may_leave_out_the_version(tail):
    """Operators copy it either way from their server's pages."""

    async def run():
        async with serving() as server:
            server.url += tail
            async with upstream(server) as client:
                return await client.health()

    assert asyncio.run(run()).ready


@pytest.mark.parametrize(
    "url", ["ftp://host", "host:8000", "http://", "http://user:secret@host", "http://host/?key=secret", ""]
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(url):
    """A secret in an address would stand in logs; the refusal does not repeat it."""
    with pytest.raises(ValueError, match="address") as refused:
        Upstream(url)

    assert "secret" not in str(refused.value)


def test_a_key_that_no_header_can_carry_is_refused_without_a_word_of_it():
    """A line break at the end, as files have it, is taken off."""
    with pytest.raises(ValueError, match="ASCII") as refused:
        Upstream("http://host", key="secret\nx-admin: 1")

    assert "secret" not in str(refused.value)
    assert "secret" not in repr(Upstream("http://host", key="secret\n"))


def test_newer_names_of_the_limit_can_be_set():
    """Some servers know only `max_completion_tokens`."""

    async def run():
        async with serving() as server, upstream(server, tokens_field="max_completion_tokens") as client:
            await read(client.generate("m", chat("Hello", tokens_max=5)))
            return server.bodies[0]

    body = asyncio.run(run())

    assert body["max_completion_tokens"] == 5
    assert "max_tokens" not in body


# --- What comes back --------------------------------------------------------------------------------------------------


def test_pieces_come_as_they_are_made():
    """The first piece is here before the second is sent."""

    async def run():
        more = asyncio.Event()

        async def script(connection):
            await connection.send(SSE_HEAD)
            await connection.chunk(frame("Hello"))
            await more.wait()
            await connection.chunk(frame(finish="stop") + DONE)
            await connection.send(END)

        async with talking(script) as server, upstream(server) as client:
            deltas = client.generate("m", chat("Hello"))
            first = await asyncio.wait_for(anext(deltas), 5)
            more.set()
            return [first, *await read(deltas)]

    deltas = asyncio.run(run())

    assert [delta.text for delta in deltas] == ["Hello", ""]
    assert deltas[-1].finish is Finish.STOP


def test_usage_is_split_and_stands_on_the_last_piece():
    """Dimensions are disjoint: cached and reasoning tokens are taken out of the totals."""
    details = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 3}}
    deltas = ask(saying(frame("Hello"), frame(finish="stop"), usage_frame(10, 5, total_tokens=15, **details), DONE))

    assert usage(deltas) == Usage(input=6, cached_input=4, output=2, reasoning=3)
    assert deltas[-1].finish is Finish.STOP


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        (
            {"total_tokens": 18, "completion_tokens_details": {"reasoning_tokens": 6}},
            Usage(input=7, output=5, reasoning=6),
        ),
        ({"total_tokens": 18}, Usage(input=7, output=5, reasoning=6)),
        ({"total_tokens": 3}, Usage(input=7, output=5)),
        ({"prompt_cache_hit_tokens": 2}, Usage(input=5, cached_input=2, output=5)),
        ({"prompt_tokens_details": {"cached_tokens": 99}}, Usage(cached_input=7, output=5)),
        ({"prompt_tokens_details": None, "completion_tokens_details": {}}, Usage(input=7, output=5)),
    ],
)
def test_usage_is_read_in_every_dialect(totals, expected):
    """Hidden reasoning that only the total knows of is reasoning; nonsense can't make a dimension negative."""
    assert usage(ask(saying(frame("a", finish="stop"), usage_frame(7, 5, **totals), DONE))) == expected


@pytest.mark.parametrize("told", [(), (data({"choices": [], "usage": {}}),), (data({"choices": [], "usage": None}),)])
def test_without_usage_the_pieces_stand(told):
    """One token a piece, unless the engine says it better; nothing is made up, and an empty usage is none."""
    deltas = ask(saying(frame("Hello"), frame(" there"), frame(finish="stop"), *told, DONE))

    assert tokens(deltas) == 2
    assert all(delta.usage is None for delta in deltas)


def test_tokens_are_counted_by_the_best_that_is_known():
    """An engine that counts along is believed, then log probabilities, then one a piece; roles and ends are free."""
    entry = {"token": "a", "logprob": -0.1}
    logged = {"index": 0, "delta": {"content": "aaa"}, "logprobs": {"content": [entry] * 3}}
    deltas = ask(
        saying(
            data({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
            frame("counted along", usage={"prompt_tokens": 3, "completion_tokens": 4}),
            frame("and again", usage={"prompt_tokens": 3, "completion_tokens": 6}),
            data({"choices": [logged]}),
            frame("timed", timings={"predicted_n": 12}),
            frame("unknown"),
            frame(finish="stop"),
            DONE,
        )
    )

    assert [delta.tokens for delta in deltas] == [4, 2, 3, 3, 1, 0]
    assert msgspec.json.decode(deltas[2].logprobs) == {"content": [entry] * 3}


def test_reasoning_refusals_and_fragments_of_calls_come_through():
    """Whatever an engine says of itself reaches the door as it was said."""
    call = [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}]
    more = [{"index": 0, "function": {"arguments": "{}"}}]
    pieces = [{"reasoning_content": "hm"}, {"reasoning": "oh"}, {"tool_calls": call}, {"tool_calls": more}]
    pieces += [{"tool_calls": [], "content": None}, {"tool_calls": None}, {"refusal": "no"}]
    frames = [data({"choices": [{"index": 0, "delta": piece}]}) for piece in pieces]
    deltas = ask(saying(*frames, frame(finish="tool_calls"), DONE))

    assert [delta.reasoning for delta in deltas[:2]] == ["hm", "oh"]
    assert [msgspec.json.decode(delta.tool_calls) for delta in deltas[2:4]] == [call, more]
    assert deltas[4].text == "no"
    assert deltas[5].finish is Finish.TOOL_CALLS
    assert len(deltas) == 6


def test_choices_come_interleaved_and_each_ends():
    """Usage stands on the very last piece."""
    deltas = ask(
        saying(
            frame("a", index=1),
            frame("b"),
            frame(finish="length", index=1),
            frame("c"),
            frame(finish="stop"),
            usage_frame(3, 3),
            DONE,
        ),
        chat("Hello", choices=2),
    )

    assert (text(deltas, 0), text(deltas, 1)) == ("bc", "a")
    assert {delta.choice: delta.finish for delta in deltas if delta.finish} == {0: Finish.STOP, 1: Finish.LENGTH}
    assert usage(deltas) == Usage(input=3, output=3)


def test_frames_may_be_split_at_every_byte():
    """The network cuts where it likes; text of several bytes a character included."""
    stream = b": ping\r\n\r\nevent: message\r\nid: 1\r\n" + b"".join((frame("你好"), *WHOLE)).replace(b"\n", b"\r\n")

    async def run():
        answers = []
        for cut in range(1, len(stream)):
            async with talking(saying(stream[:cut], stream[cut:])) as server, upstream(server) as client:
                answers.append(text(await read(client.generate("m", chat("Hello")))))
        async with talking(saying(*(bytes([byte]) for byte in stream))) as server, upstream(server) as client:
            answers.append(text(await read(client.generate("m", chat("Hello")))))
        return answers

    assert set(asyncio.run(run())) == {"你好Hello there"}


def test_plain_json_is_taken_where_a_stream_was_asked_for():
    """Some servers, and some of their features, don't stream."""

    async def run(choices):
        async with serving() as server, upstream(server) as client:
            return await read(client.generate("m", chat("Hello there", choices=choices, trouble="whole")))

    one, three = asyncio.run(run(1)), asyncio.run(run(3))

    assert (text(one), tokens(one), usage(one)) == ("Hello there", 2, Usage(input=2, output=2))
    assert [text(three, choice) for choice in range(3)] == ["Hello there"] * 3
    assert (tokens(three), usage(three)) == (6, Usage(input=2, output=6))


def test_an_end_without_its_mark_is_an_end_where_every_choice_ended():
    """Some servers close instead of saying `[DONE]`; one even forgets the last line break."""
    assert text(ask(saying(frame("Hello"), frame(finish="stop").rstrip()))) == "Hello"


def test_a_connection_is_kept_for_the_next_request():
    """Ten answers take one connection."""

    async def run():
        async with talking(saying(*WHOLE)) as server, upstream(server) as client:
            for _ in range(10):
                await read(client.generate("m", chat("Hello")))
            return server.connections, server.requests

    assert asyncio.run(run()) == (1, 10)


def test_a_kept_connection_reads_any_number_of_answers_without_a_body():
    """Only what waits to be read keeps a connection from reading on; heads that were read do not add up to that."""
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-padding: %b\r\n\r\n" % (b"x" * 8000)

    async def run():
        async with talking(lambda connection: connection.send(head)) as server, upstream(server) as client:
            return [(await client.health()).ready for _ in range(20)], server.connections

    assert asyncio.run(run()) == ([True] * 20, 1)


def test_embeddings_come_with_their_usage():
    """In the order of their inputs; where usage is missing it is guessed from the input's bytes."""

    async def run():
        async with serving() as server, upstream(server) as client:
            return await client.embed("m", prompt(Kind.EMBEDDING, ["a b", "c"], tokens_max=None))

    embeddings = asyncio.run(run())

    assert [one["index"] for one in msgspec.json.decode(embeddings.data)] == [0, 1]
    assert embeddings.usage == Usage(input=3)


# --- What goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frames",
    [
        [b"data: {not json}\n\n"],
        [b'data: {"choices": 7}\n\n'],
        [b'data: "text"\n\n'],
        [b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n'],
        [b"data: " + b"[" * 100_000 + b"\n\n"],
        [b"Internal Server Error\n\n"],
        [b'{"choices": []}\n\n'],
        [frame("Hello", index=1)],
        [frame("Hello", index=-1)],
        [frame("Hello", finish="error")],
        [frame("Hello"), DONE.replace(b"[DONE]", b"[DON")],
        [frame("Hello")],
        [],
    ],
    ids=range(13),
)
def test_what_is_not_the_protocol_is_a_failure_of_the_engine(frames):
    """Malformed lines, malformed JSON, choices nobody asked for, answers that end before they are whole."""
    with pytest.raises(EngineFailed):
        ask(saying(*frames))


def test_an_error_within_the_stream_ends_it():
    """What came before it was delivered; what the engine reported stays in the operator's log."""

    async def run(*frames):
        got = []
        async with talking(saying(*frames)) as server, upstream(server) as client:
            with pytest.raises(EngineFailed) as failed:
                await gather(client.generate("m", chat("Hello")), got)
        return got, failed.value.message

    reported = {"error": {"message": f"bad things at {KEY}", "code": 500}}
    for frames in (
        (frame("Hello"), data(reported)),
        (frame("Hello"), b'event: error\ndata: {"message": "bad things"}\n\n'),
        (frame("Hello"), b'error: {"message": "bad things"}\n\n'),
        (frame("Hello"), data({"error": "bad things"})),
    ):
        got, message = asyncio.run(run(*frames))

        assert got == ["Hello"]
        assert "bad things" not in message


def test_a_line_without_end_is_refused_early():
    """100 MB in one line are neither read to the end nor kept."""
    sent = 0

    async def script(connection):
        nonlocal sent
        await connection.send(SSE_HEAD)
        await connection.chunk(b"data: ")
        for _ in range(100):
            await connection.chunk(b"x" * 1_000_000)
            sent += 1_000_000

    with pytest.raises(EngineFailed, match="bytes"):
        ask(script)

    assert sent < 20_000_000


def test_a_whole_answer_without_end_is_refused_early():
    """The same of plain JSON."""

    async def script(connection):
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
        while True:
            await connection.send(b" " * 1_000_000)

    with pytest.raises(EngineFailed, match="bytes"):
        ask(script)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\nHello"[:-1],
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ],
)
def test_another_kind_of_server_is_a_failure_of_the_engine(head):
    """A web page, nothing at all, or no HTTP."""

    async def script(connection):
        await connection.send(head)
        connection.writer.close()

    with pytest.raises(EngineFailed):
        ask(script)


def test_a_redirect_is_not_followed():
    """A key goes where the operator sent it and nowhere else."""

    async def run():
        async with serving() as elsewhere:
            script = replying(307, {}, f"location: {elsewhere.url}/v1/chat/completions")
            async with talking(script) as server, upstream(server, key=KEY) as client:
                with pytest.raises(EngineFailed, match="307"):
                    await read(client.generate("m", chat("Hello")))
            return elsewhere.headers

    assert asyncio.run(run()) == []


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"message": "bad", "code": "context_length_exceeded"}}, ContextOverflow),
        (400, {"error": {"message": "bad", "type": "exceed_context_size_error", "code": 400}}, ContextOverflow),
        (400, {"message": "This model's maximum context length is 10 tokens"}, ContextOverflow),
        (413, {"error": "prompt is too long"}, ContextOverflow),
        (400, {"error": {"message": "temperature is out of range"}}, InvalidRequest),
        (422, {"detail": [{"msg": "field required"}]}, InvalidRequest),
        (400, b"<html>", InvalidRequest),
        (401, {"error": {"message": "bad"}}, EngineFailed),
        (403, {"error": {"message": "bad"}}, EngineFailed),
        (404, {"error": {"message": "no such model"}}, EngineFailed),
        (408, {}, EngineTimeout),
        (429, {"error": {"message": "slow down"}}, EngineFailed),
        (500, {"error": {"message": "out of memory"}}, EngineFailed),
        (504, {}, EngineTimeout),
    ],
)
def test_a_refusal_says_whose_fault_it_is(status, body, kind):
    """The caller's is a 400 in the engine's words; the operator's and the engine's are a 502 that says less."""
    with pytest.raises((InvalidRequest, EngineFailed)) as refused:
        ask(replying(status, body))

    assert type(refused.value) is kind


def test_a_refusal_is_bounded_and_holds_no_secret():
    """Neither our key nor anything that looks like one comes through."""
    with pytest.raises(InvalidRequest) as refused:
        ask(replying(400, {"error": {"message": f"bad {KEY} or sk-another-0123456789 " + "x" * 10_000}}), key=KEY)

    assert "bad" in refused.value.message
    assert "sk-" not in refused.value.message
    assert len(refused.value.message) <= 500


def test_the_operators_mistakes_are_not_told_to_the_caller(capsys):
    """A wrong key is logged without it, and the caller learns only that the operator has to act."""

    async def run():
        async with serving() as server, upstream(server, key=KEY) as client:
            server.key = KEY + "-other"
            with pytest.raises(EngineFailed) as refused:
                await read(client.generate("m", chat("Hello")))
            return refused.value.message, await client.health()

    message, health = asyncio.run(run())
    logged = capsys.readouterr().out

    assert "operator" in message
    assert "engine_refused_operator" in logged
    assert not health.ready
    assert "401" in health.detail
    assert KEY not in message + logged + health.detail


def test_what_an_engine_repeats_of_a_request_is_not_logged(capsys):
    """An engine that fails says why in words that may be the caller's: its code is logged, and they are not."""
    with pytest.raises(EngineFailed):
        ask(replying(500, {"error": {"message": "can't answer 'my card is 4111'", "type": "of 4111", "code": "oom"}}))
    logged = capsys.readouterr().out

    assert "engine_refused" in logged
    assert "oom" in logged
    assert "4111" not in logged


# --- Waiting ----------------------------------------------------------------------------------------------------------


def test_an_engine_that_never_begins_is_given_up():
    """Before its head, and between head and first byte."""

    async def no_head(connection):
        await connection.client_left()

    async def no_byte(connection):
        await connection.send(SSE_HEAD)
        await connection.client_left()

    for script in (no_head, no_byte):
        began = time.monotonic()
        with pytest.raises(EngineTimeout):
            ask(script, first_s=0.1, stall_s=30)
        assert time.monotonic() - began < 2


def test_an_engine_that_stalls_is_given_up_and_the_connection_closed():
    """What came was delivered; a longer wait for the first byte does not lengthen the later ones."""

    async def run():
        left = asyncio.Event()

        async def script(connection):
            await connection.send(SSE_HEAD)
            await connection.chunk(frame("Hello"))
            await connection.client_left()
            left.set()

        got = []
        async with talking(script) as server, upstream(server, first_s=30, stall_s=0.1) as client:
            with pytest.raises(EngineTimeout):
                await gather(client.generate("m", chat("Hello")), got)
            await asyncio.wait_for(left.wait(), 1)
        return got

    assert asyncio.run(run()) == ["Hello"]


def test_a_slow_engine_that_goes_on_is_waited_for():
    """Only a single silence counts, not many that take long together."""

    async def script(connection):
        await connection.send(SSE_HEAD)
        for _ in range(8):
            await connection.chunk(frame("a"))
            await asyncio.sleep(0.05)
        await connection.chunk(frame(finish="stop") + DONE)
        await connection.send(END)

    assert text(ask(script, stall_s=0.2)) == "a" * 8


def test_a_slow_reader_is_not_the_engines_fault_and_holds_the_engine_back():
    """No time-out runs while nobody waits for the engine, and what isn't read isn't fetched."""
    sent = 0

    async def script(connection):
        nonlocal sent
        await connection.send(SSE_HEAD)
        for _ in range(200):
            await connection.chunk(frame("x" * 100_000))
            sent += 100_000
        await connection.chunk(frame(finish="stop") + DONE)
        await connection.send(END)

    async def run():
        async with talking(script) as server, upstream(server, first_s=0.2, stall_s=0.2) as client:
            deltas = client.generate("m", chat("Hello"))
            first = await anext(deltas)
            await asyncio.sleep(0.5)
            held_back = sent
            return held_back, len(first.text) + len(text(await read(deltas)))

    held_back, whole = asyncio.run(run())

    assert held_back < 12_000_000
    assert whole == 20_000_000


# --- Hanging up -------------------------------------------------------------------------------------------------------


def hang_up(after, **settings):
    """Read so many pieces, close, and return whether the server saw the client leave and the answer's end."""

    async def run():
        async with serving(delay_ms=5) as server, upstream(server, **settings) as client:
            deltas = client.generate("m", chat("a b c d e f g h i j k l m n o p q r s t"))
            for _ in range(after):
                await anext(deltas)
            began = time.monotonic()
            await deltas.aclose()
            closed_s = time.monotonic() - began
            done = {asyncio.create_task(server.left.wait()), asyncio.create_task(server.whole.wait())}
            await asyncio.wait(done, timeout=2, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.cancel()
            return closed_s, server.left.is_set(), server.whole.is_set()

    return asyncio.run(run())


@pytest.mark.parametrize("after", [1, 2, 7, 19])
def test_a_hang_up_closes_the_connection_at_once(after):
    """A local engine stops working for an answer that nobody reads."""
    closed_s, left, whole = hang_up(after)

    assert closed_s < 0.5
    assert left
    assert not whole


@pytest.mark.parametrize("after", [1, 7])
def test_a_hang_up_drains_where_the_answer_is_billed_anyway(after, capsys):
    """Apart from the caller, who is free at once; what it came to is logged."""
    closed_s, left, whole = hang_up(after, drain_s=5.0)

    assert closed_s < 0.5
    assert whole
    assert not left
    assert "engine_drained" in capsys.readouterr().out


def test_draining_ends():
    """An answer that goes on for longer than `drain_s` is cut off."""
    closed_s, left, whole = hang_up(1, drain_s=0.03)

    assert closed_s < 0.5
    assert left
    assert not whole


def test_a_reader_that_is_cancelled_hangs_up():
    """However a caller leaves, the connection is closed and its place is free."""

    async def run():
        begun, left = asyncio.Event(), asyncio.Event()

        async def script(connection):
            await connection.send(SSE_HEAD)
            await connection.chunk(frame("Hello"))
            begun.set()
            await connection.client_left()
            left.set()

        async with talking(script) as server, upstream(server, concurrency_max=1) as client:
            for _ in range(2):
                begun.clear()
                left.clear()
                got = []
                task = asyncio.create_task(gather(client.generate("m", chat("Hello")), got))
                await asyncio.wait_for(begun.wait(), 2)
                await asyncio.sleep(0.05)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await asyncio.wait_for(left.wait(), 1)
                assert got == ["Hello"]

    asyncio.run(run())


def test_closing_ends_what_is_under_way():
    """Answers, drains and waits for a head; closing twice is closing once."""

    async def run():
        async def no_head(connection):
            await connection.client_left()

        async def stalls(connection):
            await connection.send(SSE_HEAD)
            await connection.chunk(frame("Hello"))
            await connection.client_left()

        for script in (no_head, stalls):
            async with talking(script) as server:
                client = Upstream(server.url, drain_s=30)
                reading = asyncio.create_task(read(client.generate("m", chat("Hello"))))
                draining = client.generate("m", chat("Hello"))
                if script is stalls:
                    await anext(draining)
                await draining.aclose()
                await asyncio.sleep(0.1)
                await asyncio.wait_for(client.close(), 2)
                await asyncio.wait_for(client.close(), 2)
                with pytest.raises(EngineFailed):
                    await asyncio.wait_for(reading, 2)
                with pytest.raises(EngineFailed):
                    await read(client.generate("m", chat("Hello")))
                assert not (await client.health()).ready

    asyncio.run(run())


# --- Trying again -----------------------------------------------------------------------------------------------------


def failing_first(times, fail):
    """A script that fails so many times, and then answers."""
    left = times

    async def script(connection):
        nonlocal left
        if left == 0:
            await saying(*WHOLE)(connection)
        else:
            left -= 1
            await fail(connection)

    return script


async def reset(connection):
    connection.reset()


@pytest.mark.parametrize(
    "fail",
    [
        reset,
        replying(502, {}),
        replying(503, {"error": "loading"}, "retry-after: 0"),
        replying(429, {}, "retry-after: 0"),
    ],
    ids=["reset", "502", "503", "429"],
)
def test_what_passes_within_moments_is_tried_again(fail):
    """Twice, and no more."""

    async def run(times):
        async with talking(failing_first(times, fail)) as server, upstream(server) as client:
            try:
                return text(await read(client.generate("m", chat("Hello")))), server.requests
            except EngineFailed:
                return None, server.requests

    assert asyncio.run(run(2)) == ("Hello there", 3)
    assert asyncio.run(run(3)) == (None, 3)


@pytest.mark.parametrize(
    "fail",
    [
        replying(500, {}),
        replying(503, {}, "retry-after: 60"),
        replying(429, {}),
        replying(429, {}, "retry-after: 60"),
        replying(429, {}, "retry-after: Tue, 24 Nov 2026 18:00:00 GMT"),
        replying(400, {}),
        saying(),
        saying(frame("Hello")),
        saying(b"nonsense\n"),
    ],
    ids=["500", "503 later", "429", "429 later", "429 dated", "400", "empty", "begun", "nonsense"],
)
def test_nothing_else_is_tried_again(fail):
    """What began, what will not pass, and what would pass too late."""

    async def run():
        async with talking(failing_first(1, fail)) as server, upstream(server) as client:
            with pytest.raises((EngineFailed, InvalidRequest)):
                await read(client.generate("m", chat("Hello")))
            return server.requests

    assert asyncio.run(run()) == 1


def test_a_server_that_is_not_there_is_a_failure_within_moments():
    """Refused connections are tried again twice."""

    async def run():
        async with talking(saying()) as server:
            url = server.url
        client = Upstream(url)
        began = time.monotonic()
        with pytest.raises(EngineFailed, match="reached"):
            await read(client.generate("m", chat("Hello")))
        health = await client.health()
        await client.close()
        return time.monotonic() - began, health

    seconds, health = asyncio.run(run())

    assert seconds < 2
    assert not health.ready
    assert "reached" in health.detail


def test_a_pause_that_the_engine_asks_for_is_told_on():
    """A 429 with `Retry-After` says when to come back."""
    with pytest.raises(EngineFailed) as refused:
        ask(replying(429, {}, "retry-after: 17"))

    assert refused.value.retry_after_s == 17


def test_more_requests_than_places_are_refused_at_once():
    """Nothing is queued; a place is free again when its answer ends, however it ends."""

    async def run():
        async with serving(delay_ms=20) as server, upstream(server, concurrency_max=2) as client:
            running = [client.generate("m", chat("a b c")) for _ in range(2)]
            for deltas in running:
                await anext(deltas)
            with pytest.raises(Busy):
                await read(client.generate("m", chat("a")))
            with pytest.raises(Busy):
                await client.embed("m", prompt(Kind.EMBEDDING, "a", tokens_max=None))
            await running[0].aclose()
            await read(running[1])
            return [text(await read(client.generate("m", chat("a")))) for _ in range(3)]

    assert asyncio.run(run()) == ["a"] * 3


@pytest.mark.parametrize("body", [b"nonsense", {"data": 7}, {"data": None}, {}, b'{"data": [1'])
def test_vectors_that_cannot_be_read_are_a_failure_of_the_engine(body):
    """As everything else that is not the protocol."""

    async def run():
        async with talking(replying(200, body)) as server, upstream(server) as client:
            with pytest.raises(EngineFailed):
                await client.embed("m", prompt(Kind.EMBEDDING, "a", tokens_max=None))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("told", "tokens"),
    [({}, 3), ({"usage": {}}, 3), ({"usage": {"prompt_tokens": 0}}, 0), ({"usage": {"prompt_tokens": 7}}, 7)],
)
def test_vectors_without_usage_are_counted_by_their_bytes(told, tokens):
    """Four bytes a token, rounded up; what is told is believed, none too."""

    async def run():
        async with talking(replying(200, {"data": [], **told})) as server, upstream(server) as client:
            return await client.embed("m", prompt(Kind.EMBEDDING, "a" * 10, tokens_max=None))

    assert asyncio.run(run()).usage == Usage(input=tokens)
