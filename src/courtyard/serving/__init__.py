"""The walk of a request: admitted, entitled, held, grounded, routed, answered, settled, recorded."""

from courtyard.serving.answer import Answer
from courtyard.serving.pool import Pool
from courtyard.serving.service import Embedded, Serving
from courtyard.serving.wall import Wall

__all__ = ["Answer", "Embedded", "Pool", "Serving", "Wall"]
