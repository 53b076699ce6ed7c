"""Random secrets, and the keyed digests that are kept in their place."""

import hmac
import secrets

KEY_PREFIX = "cy_"

_TOKEN_BYTES = 32
_SHOWN_LENGTH = len(KEY_PREFIX) + 4
_READ_LENGTH_MAX = 256
"""No secret of ours is longer, so what is longer need not be read to its end."""


def new_key() -> str:
    """Make an API key's secret: `cy_` and 43 URL-safe characters, 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def new_token() -> str:
    """Make a session's or a link's secret of 256 random bits."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def shown(secret: str) -> str:
    """Cut a key's secret to what may be displayed: enough to tell keys apart, too little to guess from."""
    return secret[:_SHOWN_LENGTH] + "…"


class Digester:
    """Digests secrets with HMAC-SHA256 under the installation's pepper: a stolen database opens nothing."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def __call__(self, secret: str) -> bytes:
        """Digest a secret. It takes the same time whether or not anybody knows it."""
        return hmac.digest(self._pepper, secret[:_READ_LENGTH_MAX].encode("utf-8", "surrogatepass"), "sha256")

    def bound_to(self, purpose: bytes, digest: bytes) -> str:
        """Derive a token that only we can make from something of ours."""
        return hmac.digest(self._pepper, purpose + b"\x00" + digest, "sha256").hex()
