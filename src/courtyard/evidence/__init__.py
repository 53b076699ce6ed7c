"""Keeps one sealed record of every decision, in a chain that shows what was changed or taken away."""

from courtyard.evidence.model import Decision, Filter, Record, RecordPage, Sealed
from courtyard.evidence.service import Evidence

__all__ = ["Decision", "Evidence", "Filter", "Record", "RecordPage", "Sealed"]
