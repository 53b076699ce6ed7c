"""Shapes of identifiers by who gives them out: a number belongs to a state or a network, not to a language."""

from courtyard.privacy.shapes import africa, america, arab, asia, birth, china, europe, network, phones, secret
from courtyard.privacy.shapes.shape import Shape

BOOKS: tuple[tuple[Shape, ...], ...] = (
    (*china.SHAPES, *europe.SHAPES, *america.SHAPES, *asia.SHAPES, *arab.SHAPES, *africa.SHAPES),
    phones.SHAPES,
    network.SHAPES,
    birth.SHAPES,
    secret.SHAPES,
)
"""All shapes, in parts that are compiled apart: numbers, words and addresses in one automaton multiply each other."""

__all__ = ["BOOKS", "Shape"]
