"""Finds personal data and secrets in texts, and masks them, reversibly or not."""

from courtyard.privacy.chinese.reader import ChineseReader
from courtyard.privacy.chinese.word import Word
from courtyard.privacy.digests import Digests
from courtyard.privacy.identifiers import Identifiers
from courtyard.privacy.masking import Masked, Masking, Mode, Restoring, repeated
from courtyard.privacy.model import KINDS, Detector, Finding, Kind, Name, is_sensitive
from courtyard.privacy.normal import unescaped
from courtyard.privacy.register.exports import Exports
from courtyard.privacy.register.model import (
    EVERY,
    Ages,
    Basis,
    Breach,
    Case,
    CaseState,
    Consent,
    Counter,
    Deadline,
    Deletion,
    Due,
    Erased,
    Exported,
    Figure,
    Figures,
    Found,
    Holder,
    Limit,
    Proof,
    Purpose,
    Retention,
    Right,
    Separate,
    Spared,
    Step,
    Subject,
    Whom,
    Withdrawal,
)
from courtyard.privacy.register.proofs import Proofs, check
from courtyard.privacy.register.registry import Register
from courtyard.privacy.register.rules import CONTENTS, missing
from courtyard.privacy.service import Detection, DetectionSettings
from courtyard.privacy.texts import Texts, read_texts, rewrite
from courtyard.privacy.vault import Vault

__all__ = [
    "CONTENTS",
    "EVERY",
    "KINDS",
    "Ages",
    "Basis",
    "Breach",
    "Case",
    "CaseState",
    "ChineseReader",
    "Consent",
    "Counter",
    "Deadline",
    "Deletion",
    "Detection",
    "DetectionSettings",
    "Detector",
    "Digests",
    "Due",
    "Erased",
    "Exported",
    "Exports",
    "Figure",
    "Figures",
    "Finding",
    "Found",
    "Holder",
    "Identifiers",
    "Kind",
    "Limit",
    "Masked",
    "Masking",
    "Mode",
    "Name",
    "Proof",
    "Proofs",
    "Purpose",
    "Register",
    "Restoring",
    "Retention",
    "Right",
    "Separate",
    "Spared",
    "Step",
    "Subject",
    "Texts",
    "Vault",
    "Whom",
    "Withdrawal",
    "Word",
    "check",
    "is_sensitive",
    "missing",
    "read_texts",
    "repeated",
    "rewrite",
    "unescaped",
]
