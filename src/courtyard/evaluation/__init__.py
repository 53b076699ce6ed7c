"""Tests how safe a served model is: banks, seeded samples, judges, human review, and figures with intervals."""

from courtyard.evaluation.banks import read_bank
from courtyard.evaluation.inspecting import InspectLog, read_log, write_log
from courtyard.evaluation.model import (
    Ask,
    Asked,
    Bank,
    Case,
    Expected,
    Gate,
    GateResult,
    Group,
    Item,
    Judge,
    Judgement,
    Outcome,
    Plan,
    Report,
    Run,
)
from courtyard.evaluation.service import Evaluations

__all__ = [
    "Ask",
    "Asked",
    "Bank",
    "Case",
    "Evaluations",
    "Expected",
    "Gate",
    "GateResult",
    "Group",
    "InspectLog",
    "Item",
    "Judge",
    "Judgement",
    "Outcome",
    "Plan",
    "Report",
    "Run",
    "read_bank",
    "read_log",
    "write_log",
]
