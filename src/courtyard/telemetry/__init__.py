"""Metrics, one access-log line and a trace for each exchange, with neither content nor secrets in any of them."""

from courtyard.telemetry.logs import configure_logging
from courtyard.telemetry.metrics import CONTENT_TYPE
from courtyard.telemetry.model import Exchange, TelemetrySettings
from courtyard.telemetry.redaction import redact
from courtyard.telemetry.service import Telemetry
from courtyard.telemetry.together import Siblings

__all__ = ["CONTENT_TYPE", "Exchange", "Siblings", "Telemetry", "TelemetrySettings", "configure_logging", "redact"]
