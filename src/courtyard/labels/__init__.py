"""Marks generated content, visibly and in metadata, and tells what is marked."""

from courtyard.labels.credentials import Authority
from courtyard.labels.model import (
    Agreement,
    Aigc,
    Checked,
    Credentials,
    Labelled,
    LabelsSettings,
    Match,
    Origin,
    Profile,
    Stated,
    Unlabelled,
    Verdict,
    Visible,
)
from courtyard.labels.service import Labels

__all__ = [
    "Agreement",
    "Aigc",
    "Authority",
    "Checked",
    "Credentials",
    "Labelled",
    "Labels",
    "LabelsSettings",
    "Match",
    "Origin",
    "Profile",
    "Stated",
    "Unlabelled",
    "Verdict",
    "Visible",
]
