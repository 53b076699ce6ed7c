"""Turns an admitted request into the prompt an engine may see."""

from courtyard.knowledge.rules import ground

__all__ = ["ground"]
