"""The catalogue's face: which models there are, what runs them, and how they come."""

from courtyard.catalogue.pulling import Pulling
from courtyard.catalogue.registry import Registry


class Catalogue(Pulling, Registry):
    """Models, the engines behind them, and other names for them.

    `resolve`, `models` and `aliases` answer from memory and may be called anywhere; `engines` and `shelf` look at files
    and the environment. What changes something runs SQL, and what brings a file may take minutes, so call those from
    a thread; other processes follow by `reload` when they see the revision move.
    """
