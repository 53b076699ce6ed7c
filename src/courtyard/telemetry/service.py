"""What doors call when an exchange is over."""

import os
import socket
from typing import TYPE_CHECKING, BinaryIO

from courtyard.telemetry.logs import AccessLog
from courtyard.telemetry.metrics import Metrics, Reading
from courtyard.telemetry.model import Exchange, TelemetrySettings
from courtyard.telemetry.together import Siblings, Together

if TYPE_CHECKING:
    from courtyard.telemetry.tracing import Tracing


class Telemetry:
    """Counts, logs and traces exchanges. Nothing here waits for a network, and nothing here fails a request."""

    def __init__(self, settings: TelemetrySettings | None = None, *, stream: BinaryIO | None = None) -> None:
        settings = settings or TelemetrySettings()
        self._metrics = Metrics()
        self._access = AccessLog(settings.log_format, stream)
        self._tracing = _tracing(settings.otlp_endpoint)
        self._together: Together | None = None

    def finished(self, exchange: Exchange) -> None:
        """Count an exchange that is over, write its line, and trace it where traces are wanted."""
        self._metrics.count(exchange)
        self._access.write(exchange)
        if self._tracing is not None:
            self._tracing.record(exchange)

    def watch(self, name: str, description: str, read: Reading, *, label: str = "") -> None:
        """Show a gauge on `/metrics` that is read when somebody looks.

        telemetry.watch("courtyard_in_flight", "Requests being served.", lambda: gateway.in_flight)
        telemetry.watch("courtyard_engine_up", "Whether an engine answers.", pool.up, label="engine")
        """
        self._metrics.watch(name, description, read, label=label)

    async def join(self, siblings: Siblings, bound: socket.socket) -> None:
        """Tell the other workers of this machine what is counted here, and tell with theirs from now on."""
        self._together = Together(siblings, self._metrics.text)
        await self._together.open(bound)

    def metrics(self) -> bytes:
        """Render every metric of this process in Prometheus' text format; its media type is `CONTENT_TYPE`."""
        return self._metrics.text()

    async def metrics_of_all(self) -> bytes:
        """Render every metric of all workers."""
        return self._metrics.text() if self._together is None else await self._together.text()

    def close(self) -> None:
        """Send the traces that are left."""
        if self._together is not None:
            self._together.close()
        if self._tracing is not None:
            self._tracing.close()


def _tracing(endpoint: str | None) -> "Tracing | None":
    """Start tracing to `endpoint`, or to the one that OpenTelemetry's own variables name; neither means none."""
    if endpoint is None and not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    from courtyard.telemetry.tracing import Tracing  # noqa: PLC0415 - It takes a tenth of a second to import.

    return Tracing.to(endpoint)


_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
