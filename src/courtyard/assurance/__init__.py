"""Draws evidence packs: one archive that a regulator, an auditor or a customer checks offline."""

from courtyard.assurance.model import Answers, Asked, Kept, Kind, Question
from courtyard.assurance.questions import QUESTIONS
from courtyard.assurance.service import Assurance
from courtyard.assurance.sources import Sources
from courtyard.assurance.wire import form, read_answers

__all__ = ["QUESTIONS", "Answers", "Asked", "Assurance", "Kept", "Kind", "Question", "Sources", "form", "read_answers"]
