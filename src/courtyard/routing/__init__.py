"""Chooses the engines that a request is tried on, by region, rank, weight and health."""

from courtyard.routing.breaker import CircuitBreaker
from courtyard.routing.model import EngineCard, Route
from courtyard.routing.rules import routes

__all__ = ["CircuitBreaker", "EngineCard", "Route", "routes"]
