"""Signs requests to a store that speaks S3's protocol: AWS Signature Version 4, for requests without a body."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "s3"
_EMPTY = sha256(b"").hexdigest()
_UNRESERVED = "-_.~"


def address(endpoint: str, path: str, query: Mapping[str, str]) -> str:
    """Write an address as it is signed: parameters by their names, everything but unreserved characters in hex."""
    said = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items()))
    return f"{endpoint.rstrip('/')}{quote(path, safe=_UNRESERVED + '/')}" + (f"?{said}" if said else "")


def signed(
    url: str,
    *,
    access_key: str,
    secret: str,
    region: str,
    now: datetime,
    headers: Mapping[str, str] = {},
    method: str = "GET",
) -> dict[str, str]:
    """Return the headers that prove who asks; `url` is as `address` wrote it."""
    parts = urlsplit(url)
    at, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    sent = {**headers, "x-amz-content-sha256": _EMPTY, "x-amz-date": at}
    hashed = {name.lower(): value.strip() for name, value in {**sent, "host": parts.netloc}.items()}
    names = ";".join(sorted(hashed))
    lines = [f"{name}:{hashed[name]}" for name in sorted(hashed)]
    asked = "\n".join([method, parts.path or "/", parts.query, *lines, "", names, _EMPTY])
    scope = f"{day}/{region}/{_SERVICE}/aws4_request"
    text = "\n".join([_ALGORITHM, at, scope, sha256(asked.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (day, region, _SERVICE, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    proof = f"{_ALGORITHM} Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}"
    return {**sent, "authorization": proof}


def _quoted(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
