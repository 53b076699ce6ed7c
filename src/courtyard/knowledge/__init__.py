"""Turns an admitted request into the prompt an engine may see."""

from courtyard.knowledge.outbound import outbound, texts_of, with_texts
from courtyard.knowledge.rules import ground

__all__ = ["ground", "outbound", "texts_of", "with_texts"]
