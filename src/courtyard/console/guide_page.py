"""What to do next in a house that has just opened."""

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from courtyard.catalogue import Model
from courtyard.console.access import keys_within, usage_within
from courtyard.console.page import in_thread, may, render
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import Visit, base_url, rooms_of, signed_in
from courtyard.console.snippets import snippets
from courtyard.core.chat import Kind
from courtyard.identity import Action

_DEFAULT = "default"


def routes(rooms: ConsoleRooms) -> list[HTTPRouteHandler]:
    """List the addresses of this page."""
    return [guide]


@get("/guide")
async def guide(request: Visit) -> Response[Any]:
    """Show the first steps, those that are done marked."""
    rooms, session = rooms_of(request), signed_in(request)
    principal = session.principal
    chats = [model for model in rooms.serving.models(principal) if Kind.CHAT in model.kinds]
    model = next((model for model in chats if _DEFAULT in model.aliases), chats[0] if chats else None)
    page = await in_thread(rooms.ledger.receipts, usage_within(principal), limit=1)
    return render(
        request,
        "guide.html",
        model=model,
        snippets=snippets(base_url(request), model=_name(model)),
        keyed=any(key.is_good(rooms.clock.now_ms()) for key in keys_within(rooms.identity, principal)),
        used=bool(page.receipts),
        may_chat=may(principal, Action.USE_MODELS),
        may_manage_keys=may(principal, Action.MANAGE_KEYS),
        may_manage_models=may(principal, Action.MANAGE_MODELS),
    )


def _name(model: Model | None) -> str:
    """Call a model by the name that stays when the house changes its mind."""
    return model.name if model is not None and _DEFAULT not in model.aliases else _DEFAULT
