"""The house is tidy, and the checks that say so can find what they look for."""

import ast

import pytest

from tests.house.tidy import (
    CHECKS,
    Check,
    Module,
    doors_say_what_they_offer,
    files_fit_in_a_head,
    modules,
    money_has_no_floats,
    only_commands_print,
    proofs_are_made_in_their_room,
    rooms_are_entered_by_their_door,
    work_waits_for_events_not_for_time,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_is_tidy(check: Check) -> None:
    """No module breaks the rule that the check is named after."""
    wrong = [complaint for module in modules() for complaint in check(module)]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("check", "name", "text"),
    [
        (proofs_are_made_in_their_room, "courtyard.gateway.api", "Admission(request=request)"),
        (proofs_are_made_in_their_room, "courtyard.serving.service", "prompt = chat.Prompt(request=request)"),
        (proofs_are_made_in_their_room, "courtyard.assistant.service", "msgspec.json.decode(text, type=Receipt)"),
        (
            rooms_are_entered_by_their_door,
            "courtyard.serving.service",
            "from courtyard.telemetry.logs import AccessLog",
        ),
        (rooms_are_entered_by_their_door, "courtyard.serving.service", "from courtyard.telemetry import AccessLog"),
        (rooms_are_entered_by_their_door, "courtyard.serving.service", "from courtyard.core import ids"),
        (rooms_are_entered_by_their_door, "courtyard.serving.service", "from .walk import Walk"),
        (money_has_no_floats, "courtyard.ledger.rules", "half = count * 0.5"),
        (money_has_no_floats, "courtyard.pricing.builtin.per_token", "rate = nano / 1_000_000"),
        (money_has_no_floats, "courtyard.licensing.rules", "share = float(count)"),
        (only_commands_print, "courtyard.serving.pool", "print('ready')"),
        (doors_say_what_they_offer, "courtyard.ledger", "'''Holds and settles'''\n__all__ = []"),
        (doors_say_what_they_offer, "courtyard.ledger", "'''Holds and settles.'''"),
        (files_fit_in_a_head, "courtyard.ledger.rules", "pass\n" * 351),
        (work_waits_for_events_not_for_time, "courtyard.ledger.poster", "time.sleep(1)"),
    ],
)
def test_a_planted_mistake_is_found(check: Check, name: str, text: str) -> None:
    """Each check complains of a module that breaks its rule."""
    planted = Module(
        name=name, tree=ast.parse(text), lines=len(text.splitlines()), is_package=name == "courtyard.ledger"
    )

    assert list(check(planted))


@pytest.mark.parametrize(
    ("check", "name", "text"),
    [
        (proofs_are_made_in_their_room, "courtyard.policy.rules", "Admission(request=request)"),
        (rooms_are_entered_by_their_door, "courtyard.serving.service", "from courtyard.core.ids import ModelName"),
        (rooms_are_entered_by_their_door, "courtyard.serving.service", "from courtyard.serving.walk import Walk"),
        (money_has_no_floats, "courtyard.ledger.service", "_RENEW_S = 0.25\npath = directory / 'journal'"),
        (money_has_no_floats, "courtyard.engines.retry", "half = 0.5"),
        (only_commands_print, "courtyard.cli.serve", "print('ready')"),
    ],
)
def test_what_is_right_is_left_alone(check: Check, name: str, text: str) -> None:
    """No check complains of code as it should be."""
    assert not list(check(Module(name=name, tree=ast.parse(text))))
