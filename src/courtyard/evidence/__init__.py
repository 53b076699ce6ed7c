"""Keeps one sealed record of every decision, in a chain that shows what was changed or taken away."""

from courtyard.evidence import verifier
from courtyard.evidence.api import WitnessDoor
from courtyard.evidence.auditing import Audit
from courtyard.evidence.checkpoints import Proof, write_proof
from courtyard.evidence.counting import Counts
from courtyard.evidence.exporting import SealedReceipt
from courtyard.evidence.holder import HeldRecords
from courtyard.evidence.model import Decision, EvidenceSettings, Filter, Record, RecordPage, Sealed, Standing
from courtyard.evidence.notes import VerifierKey, read_key
from courtyard.evidence.service import Evidence
from courtyard.evidence.witness import Known, Witness

__all__ = [
    "Audit",
    "Counts",
    "Decision",
    "Evidence",
    "EvidenceSettings",
    "Filter",
    "HeldRecords",
    "Known",
    "Proof",
    "Record",
    "RecordPage",
    "Sealed",
    "SealedReceipt",
    "Standing",
    "VerifierKey",
    "Witness",
    "WitnessDoor",
    "read_key",
    "verifier",
    "write_proof",
]
