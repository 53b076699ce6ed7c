"""A bucket: objects as a store lists them, by signed requests."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from defusedxml import ElementTree

from courtyard.core.clock import Clock, date_time
from courtyard.core.errors import CourtyardError
from courtyard.http import Called, CallFailed, CallRefused, call
from courtyard.knowledge.sources.model import ITEMS_MAX, Bucket, Fetched, Gone, Item, Unfetched
from courtyard.knowledge.sources.signing import address, signed

_LISTED_BYTES_MAX = 4 << 20
_A_PAGE = "1000"


class BucketOrigin:
    """Objects of some formats, below a prefix."""

    def __init__(
        self,
        options: Bucket,
        secret: str,
        clock: Clock,
        *,
        suffixes: Collection[str],
        private_hosts: Collection[str],
        bytes_max: int,
        seconds: float,
    ) -> None:
        self._options = options
        self._secret = secret
        self._clock = clock
        self._suffixes = suffixes
        self._private_hosts = private_hosts
        self._bytes_max = bytes_max
        self._seconds = seconds

    def items(self) -> Iterator[Item]:
        token, seen = "", 0
        while True:
            query = {"list-type": "2", "max-keys": _A_PAGE, "prefix": self._options.prefix}
            answer = self._get("", query | ({"continuation-token": token} if token else {}), _LISTED_BYTES_MAX)
            if answer.status != 200:
                raise Unfetched(f"{self._options.bucket} can't be listed: {_reason(answer)}")
            tree = _tree(answer.body)
            for found in tree.iterfind("{*}Contents"):
                seen += 1
                yield from self._item(found)
            token = tree.findtext("{*}NextContinuationToken", "")
            if tree.findtext("{*}IsTruncated") != "true" or not token or seen > ITEMS_MAX:
                return

    def fetch(self, item: Item, known: str) -> Fetched | None:
        answer = self._get(f"/{item.at}", {}, self._bytes_max)
        if answer.status in (403, 404):
            raise Gone(_reason(answer))
        if answer.status != 200:
            raise Unfetched(_reason(answer))
        media_type = answer.headers.get("content-type", "")
        return Fetched(content=answer.body, media_type=media_type, fingerprint=item.fingerprint)

    def _item(self, found: Any) -> Iterator[Item]:
        key, size = found.findtext("{*}Key", ""), found.findtext("{*}Size", "")
        if key.endswith("/") or PurePosixPath(key).suffix.lower() not in self._suffixes or not size.isdecimal():
            return
        refused = "it is empty" if int(size) == 0 else ""
        if int(size) > self._bytes_max:
            refused = f"it has {int(size):,} bytes, and may have {self._bytes_max:,}; see [knowledge] fetch_bytes_max"
        name = key.removeprefix(self._options.prefix).lstrip("/")
        yield Item(name, key, f"{found.findtext('{*}ETag', '')}-{size}", refused)

    def _get(self, path: str, query: Mapping[str, str], bytes_max: int) -> Called:
        options = self._options
        url = address(options.endpoint, f"/{options.bucket}{path}", query)
        headers = signed(
            url,
            access_key=options.access_key,
            secret=self._secret,
            region=options.region,
            now=date_time(self._clock.now_ms()),
        )
        try:
            return call(
                url,
                method="GET",
                headers=headers,
                seconds=self._seconds,
                private_hosts=self._private_hosts,
                bytes_max=bytes_max,
            )
        except CallRefused as error:
            raise Unfetched(error.message.replace("`private_hosts`", "[knowledge] private_hosts")) from error
        except (CallFailed, CourtyardError) as error:
            raise Unfetched(error.message) from error


def _tree(body: bytes) -> Any:
    try:
        return ElementTree.fromstring(body, forbid_dtd=True)
    except (ElementTree.ParseError, ValueError) as error:
        raise Unfetched("what lists the bucket is no XML") from error


def _reason(answer: Called) -> str:
    """Say what the store says in a word, as in `AccessDenied`."""
    try:
        code = str(_tree(answer.body).findtext("{*}Code", ""))
    except Unfetched:
        code = ""
    said = code if code.isalnum() and len(code) < 60 else ""
    return f"the store answered with status {answer.status}" + (f", {said}" if said else "")
