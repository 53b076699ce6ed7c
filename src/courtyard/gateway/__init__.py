"""Speaks the OpenAI and Anthropic wire formats and nothing else."""

from courtyard.gateway.api import Gateway
from courtyard.gateway.credentials import credential
from courtyard.gateway.model import GatewayLimits
from courtyard.gateway.openapi import openapi
from courtyard.gateway.operations import PATHS as OPERATIONS
from courtyard.gateway.operations import Operations, Readiness

__all__ = ["OPERATIONS", "Gateway", "GatewayLimits", "Operations", "Readiness", "credential", "openapi"]
