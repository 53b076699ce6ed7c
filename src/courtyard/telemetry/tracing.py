"""OpenTelemetry spans, made when an exchange is over, from the times it carries."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from courtyard import __version__
from courtyard.telemetry.model import Exchange

_NS_PER_MS = 1_000_000
_OPERATIONS = {"chat": "chat", "completion": "text_completion", "embedding": "embeddings"}
"""GenAI semantic conventions' names of what we do."""


class Tracing:
    """A span for the exchange, one for each step of the walk, and one for the model's work.

    Attributes follow the HTTP and GenAI semantic conventions. Prompts and answers are in none of them.
    """

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        resource = Resource.create({SERVICE_NAME: "courtyard", SERVICE_VERSION: __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("courtyard", __version__)
        self._propagator = TraceContextTextMapPropagator()

    @classmethod
    def to(cls, endpoint: str | None) -> "Tracing":
        """Trace to a collector such as `http://collector:4318`, or to the one that OpenTelemetry's variables name."""
        if endpoint is None:
            return cls(OTLPSpanExporter())
        return cls(OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces"))

    def record(self, exchange: Exchange) -> None:
        """Make the exchange's spans; a background thread sends them."""
        begun_ns = exchange.begun_ms * _NS_PER_MS
        ended_ns = begun_ns + int(exchange.duration_ms * _NS_PER_MS)
        parent = self._propagator.extract({"traceparent": exchange.traceparent}) if exchange.traceparent else None
        span = self._tracer.start_span(
            f"{exchange.method} {exchange.path}",
            context=parent,
            kind=SpanKind.SERVER,
            attributes=_http_attributes(exchange),
            start_time=begun_ns,
        )
        inside = trace.set_span_in_context(span)
        since_ns = begun_ns
        for step, ms in exchange.marks.items():
            until_ns = begun_ns + int(ms * _NS_PER_MS)
            self._tracer.start_span(step, context=inside, start_time=since_ns).end(until_ns)
            since_ns = until_ns
        if exchange.engine is not None:
            work = self._tracer.start_span(
                f"{_operation(exchange)} {exchange.model}",
                context=inside,
                kind=SpanKind.CLIENT,
                attributes=_model_attributes(exchange),
                start_time=since_ns,
            )
            _fail(work, exchange)
            work.end(ended_ns)
        if exchange.status >= 500:
            _fail(span, exchange)
        span.end(ended_ns)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _http_attributes(exchange: Exchange) -> dict[str, AttributeValue]:
    return _given(
        {
            "http.request.method": exchange.method,
            "http.route": exchange.path,
            "http.response.status_code": exchange.status,
            "error.type": exchange.error,
            "courtyard.request.id": exchange.request_id,
            "courtyard.door": exchange.door,
            "courtyard.organisation": exchange.organisation,
            "courtyard.project": exchange.project,
            "courtyard.key": exchange.key,
            "courtyard.outcome": exchange.outcome,
        }
    )


def _model_attributes(exchange: Exchange) -> dict[str, AttributeValue]:
    first_ms, usage, cost = exchange.first_token_ms, exchange.usage, exchange.cost
    return _given(
        {
            "gen_ai.operation.name": _operation(exchange),
            "gen_ai.provider.name": exchange.engine,
            "gen_ai.request.model": exchange.model,
            "gen_ai.response.id": exchange.request_id,
            "gen_ai.response.time_to_first_chunk": None if first_ms is None else first_ms / 1000,
            "gen_ai.usage.input_tokens": None if usage is None else usage.prompt,
            "gen_ai.usage.cache_read.input_tokens": None if usage is None else usage.cached_input,
            "gen_ai.usage.cache_creation.input_tokens": None if usage is None else usage.cache_write,
            "gen_ai.usage.output_tokens": None if usage is None else usage.completion,
            "courtyard.region": exchange.region,
            "courtyard.cost": None if cost is None else cost.count,
            "courtyard.cost.unit": None if cost is None else cost.unit,
        }
    )


def _given(attributes: dict[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    return {name: value for name, value in attributes.items() if value is not None}


def _operation(exchange: Exchange) -> str:
    return _OPERATIONS.get(exchange.kind or "", exchange.kind or "chat")


def _fail(span: trace.Span, exchange: Exchange) -> None:
    if exchange.error is not None:
        span.set_status(Status(StatusCode.ERROR))
        span.set_attribute("error.type", exchange.error)
