"""What passes between the engine and its child."""

import msgspec

DIMENSIONS = 384
TOKENS_MAX = 512
"""What the model was trained to read at once."""


class E5Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to run the model. `key` is a secret."""

    key: str
    threads: int


class E5Request(msgspec.Struct, kw_only=True):
    """Texts to be turned into vectors."""

    input: list[str]
    is_query: bool
    dimensions: int = DIMENSIONS
