"""Web pages: fetched by the house's own way of calling others, which leads into no network but the open one."""

from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urldefrag, urljoin

from courtyard.core.errors import InvalidRequest
from courtyard.http import Called, CallFailed, CallRefused, call
from courtyard.knowledge.sources.model import Fetched, Gone, Item, Pages, Unfetched

_REDIRECTS_MAX = 5
_MOVED = (301, 302, 303, 307, 308)
_TRY_LATER = (408, 425, 429)


class PagesOrigin:
    """Pages by their addresses; what they lead to is not followed."""

    def __init__(self, options: Pages, *, private_hosts: Collection[str], bytes_max: int, seconds: float) -> None:
        self._urls = options.urls
        self._private_hosts = private_hosts
        self._bytes_max = bytes_max
        self._seconds = seconds

    def items(self) -> Iterator[Item]:
        for url in self._urls:
            yield Item(urldefrag(url).url, url, "")

    def fetch(self, item: Item, known: str) -> Fetched | None:
        """Fetch a page, over five redirects at most: each address is looked at as the first one was."""
        url = urldefrag(item.at).url
        headers = _conditions(known)
        for _ in range(_REDIRECTS_MAX + 1):
            answer = self._called(url, headers)
            if answer.status in _MOVED and (place := answer.headers.get("location")):
                url = urldefrag(urljoin(url, place)).url
                continue
            if answer.status == 304 and known:
                return None
            return _fetched(answer)
        raise Gone(f"it leads on more than {_REDIRECTS_MAX} times")

    def _called(self, url: str, headers: Mapping[str, str]) -> Called:
        try:
            return call(
                url,
                method="GET",
                headers=headers,
                seconds=self._seconds,
                private_hosts=self._private_hosts,
                bytes_max=self._bytes_max,
            )
        except CallRefused as error:
            raise Gone(error.message.replace("`private_hosts`", "[knowledge] private_hosts")) from error
        except InvalidRequest as error:
            raise Gone(error.message) from error
        except CallFailed as error:
            raise Unfetched(error.message) from error


def _fetched(answer: Called) -> Fetched:
    if answer.status >= 500 or answer.status in _TRY_LATER:
        raise Unfetched(f"it answered with status {answer.status}; it is asked again")
    if answer.status != 200:
        raise Gone(f"it answered with status {answer.status}")
    if not answer.body:
        raise Gone("it is empty")
    etag, modified = (answer.headers.get(name, "") for name in ("etag", "last-modified"))
    return Fetched(content=answer.body, media_type=answer.headers.get("content-type", ""), fingerprint=etag or modified)


def _conditions(known: str) -> dict[str, str]:
    """Ask for what changed since; an entity's tag stands in quotes, a time does not."""
    if not known:
        return {}
    return {"if-none-match" if '"' in known else "if-modified-since": known}
