"""What HTTP asks of a witness: `POST /add-checkpoint`, as c2sp.org/tlog-witness says."""

import asyncio

import structlog

from courtyard.core.errors import CourtyardError
from courtyard.evidence import checkpoints
from courtyard.evidence.notes import NOTE_BYTES_MAX
from courtyard.evidence.witness import SizeConflict, Witness
from courtyard.http import ClientGone, Receive, Scope, Send, headers_of, read_body

_log = structlog.get_logger("courtyard.witness")

_BODY_S = 10.0
_TEXT, _SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


class WitnessDoor:
    """A witness on the network: an ASGI application."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a log with a signature, or with the reason why there is none."""
        if scope["type"] != "http":
            return
        try:
            status, kind, text = await self._answer(scope, receive)
        except ClientGone:
            return
        except SizeConflict as error:
            _log.warning("checkpoint_refused", reason=error.message)
            status, kind, text = error.status, _SIZE, f"{error.size}\n"
        except CourtyardError as error:
            _log.warning("checkpoint_refused", reason=error.message)
            status, kind, text = error.status, _TEXT, f"{error.message}\n"
        body = text.encode()
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, str, str]:
        if scope["path"] != "/add-checkpoint":
            return 404, _TEXT, "a witness has /add-checkpoint alone\n"
        if scope["method"] != "POST":
            return 405, _TEXT, "checkpoints are posted\n"
        body = await read_body(headers_of(scope), receive, bytes_max=NOTE_BYTES_MAX, seconds=_BODY_S)
        submission = checkpoints.read_submission(body)
        signature = await asyncio.to_thread(self._witness.add, submission)
        return 200, _TEXT, str(signature)
