"""Where a caller's API key stands in a request."""

from courtyard.core.errors import NotAuthenticated
from courtyard.http import Headers


def credential(headers: Headers) -> str:
    """Take the key from `Authorization: Bearer` or from `x-api-key`.

    Raises:
        NotAuthenticated: there is none.
    """
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    found = token.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
    if not found:
        raise NotAuthenticated("no API key was sent; send it as `Authorization: Bearer KEY` or as `x-api-key: KEY`")
    return found.decode("latin-1")
