"""Decides whether a request may run, and where: rules are asked in order, and an admission is the proof."""

from courtyard.policy.model import Deny, Narrow, Pass, Rewrite, Rule, Verdict
from courtyard.policy.service import Policy

__all__ = ["Deny", "Narrow", "Pass", "Policy", "Rewrite", "Rule", "Verdict"]
