"""Links to conversations: made and taken back by whose they are, read by people of the same organisation."""

from litestar import Response, delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath

from courtyard.assistant import ConversationId
from courtyard.console.assistant_page import sayings
from courtyard.console.page import in_thread, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, rooms_of, signed_in

_SHARE = "/api/assistant/conversations/{id:str}/share"


def routes(rooms: ConsoleRooms) -> list[BaseRouteHandler]:
    """Return the handlers of links and of what they lead to."""
    return [shared, share, revoke]


@get("/assistant/shared/{share:str}")
async def shared(request: Visit, share: FromPath[str]) -> Response[str]:
    """Show a conversation to read; sources are opened with the reader's own rights."""
    assistant = rooms_of(request).assistant
    limit = assistant.settings.messages_max
    found = await in_thread(assistant.shares.read, signed_in(request).principal, share, limit=limit)
    return render(
        request,
        "assistant_shared.html",
        conversation=found.conversation,
        messages=found.messages,
        reads=True,
        **sayings(request),
    )


@post(_SHARE)
async def share(request: Visit, id: FromPath[str]) -> dict[str, str]:
    """Make a link to a conversation; one that is there stays."""
    me = signed_in(request).principal
    return {"share": await in_thread(rooms_of(request).assistant.shares.share, me, ConversationId(id))}


@delete(_SHARE)
async def revoke(request: Visit, id: FromPath[str]) -> None:
    """Take the link back."""
    await in_thread(rooms_of(request).assistant.shares.revoke, signed_in(request).principal, ConversationId(id))
