"""The console, as an application beside the doors."""

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from courtyard.console import (
    account_page,
    assets,
    assistant_page,
    budgets_page,
    customers_page,
    decisions_page,
    evidence_page,
    guide_page,
    invoices_page,
    keys_page,
    knowledge_files,
    knowledge_page,
    knowledge_search_page,
    margins_page,
    models_page,
    nodes_page,
    notices_page,
    operate_page,
    packs_page,
    plan_page,
    plans_page,
    playground_page,
    preferences,
    prices_page,
    receipts_page,
    receivables_page,
    safety_page,
    seats_page,
    shared_page,
    sign_in_page,
    subjects_page,
    trying,
    usage_page,
    wall_page,
)
from courtyard.console.assets import Assets
from courtyard.console.bodies import Bounded
from courtyard.console.errors import on_bug, on_client_gone, on_http_error, on_refusal, on_sign_in_needed
from courtyard.console.headers import Application, Guarded
from courtyard.console.page import Pages
from courtyard.console.rooms import ConsoleRooms
from courtyard.console.session import SignInNeeded, check_origin, check_signed_in
from courtyard.core.errors import CourtyardError
from courtyard.http import ClientGone


def console_app(rooms: ConsoleRooms) -> Application:
    """Build the ASGI application of every page.

    Whatever is not marked public needs a session, and whatever changes something carries the session's token: both are
    asked before any handler.
    """
    files = Assets()
    app = Litestar(
        [
            assets.static_file,
            assets.favicon,
            *sign_in_page.routes(rooms),
            *account_page.routes(rooms),
            *preferences.routes(rooms),
            *guide_page.routes(rooms),
            *models_page.routes(rooms),
            *trying.routes(rooms),
            *usage_page.routes(rooms),
            *receipts_page.routes(rooms),
            *keys_page.routes(rooms),
            *budgets_page.routes(rooms),
            *plan_page.routes(rooms),
            *seats_page.routes(rooms),
            *invoices_page.routes(rooms),
            *operate_page.routes(rooms),
            *customers_page.routes(rooms),
            *receivables_page.routes(rooms),
            *margins_page.routes(rooms),
            *plans_page.routes(rooms),
            *nodes_page.routes(rooms),
            *prices_page.routes(rooms),
            *notices_page.routes(rooms),
            *wall_page.routes(rooms),
            *decisions_page.routes(rooms),
            *packs_page.routes(rooms),
            *playground_page.routes(rooms),
            *subjects_page.routes(rooms),
            *evidence_page.routes(rooms),
            *safety_page.routes(rooms),
            *assistant_page.routes(rooms),
            *shared_page.routes(rooms),
            *knowledge_page.routes(rooms),
            *knowledge_search_page.routes(rooms),
            *knowledge_files.routes(rooms),
        ],
        guards=[check_signed_in],
        before_request=check_origin,
        exception_handlers={
            SignInNeeded: on_sign_in_needed,
            CourtyardError: on_refusal,
            HTTPException: on_http_error,
            ClientGone: on_client_gone,
            Exception: on_bug,
        },
        request_max_body_size=rooms.settings.body_bytes_max,
        state=State({"rooms": rooms, "assets": files, "pages": Pages(files)}),
        openapi_config=None,
        logging_config=None,
    )
    return Guarded(Bounded(app, rooms.settings))
