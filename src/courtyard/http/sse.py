"""Server-sent events, as bytes."""

EVENT_STREAM = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)
"""Headers of a stream; the last one keeps nginx from holding chunks back."""

DONE = b"data: [DONE]\n\n"
"""OpenAI's mark of a whole answer."""


def data(payload: bytes) -> bytes:
    """Frame one line of JSON without a name, as OpenAI's API does."""
    return b"data: %b\n\n" % payload


def event(name: bytes, payload: bytes) -> bytes:
    """Frame one line of JSON with its name, as Anthropic's API does."""
    return b"event: %b\ndata: %b\n\n" % (name, payload)
