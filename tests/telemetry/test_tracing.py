"""Traces, as a collector receives them over the wire."""

import gzip
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from msgspec.structs import replace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from courtyard.telemetry import Exchange, Telemetry, TelemetrySettings


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP, as an OpenTelemetry collector does, and keeps the spans."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.paths: list[str] = []
        self.spans: dict[str, Span] = {}
        self.text = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        self.server.text += body
        self.server.paths.append(self.path)
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.update({span.name: span for span in scope.spans})
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _attributes(span: Span) -> dict[str, object]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def _trace(collector: Collector, exchange: Exchange) -> dict[str, Span]:
    telemetry = Telemetry(TelemetrySettings(otlp_endpoint=collector.url), stream=io.BytesIO())
    telemetry.finished(exchange)
    telemetry.close()
    return collector.spans


def test_an_exchange_is_a_trace_with_its_own_times(collector: Collector, exchange: Exchange) -> None:
    """The spans carry the times of the exchange, not of their sending, and the steps lie end to end."""
    spans = _trace(collector, exchange)

    begun = 1_767_225_600_123 * 1_000_000
    whole, work = spans["POST /v1/chat/completions"], spans["chat small"]
    assert collector.paths == ["/v1/traces"]
    assert (whole.start_time_unix_nano, whole.end_time_unix_nano) == (begun, begun + 812_500_000)
    assert (spans["authenticate"].start_time_unix_nano, spans["authenticate"].end_time_unix_nano) == (
        begun,
        begun + 500_000,
    )
    assert spans["admit"].start_time_unix_nano == spans["authenticate"].end_time_unix_nano
    assert work.start_time_unix_nano == spans["admit"].end_time_unix_nano
    assert {span.parent_span_id for name, span in spans.items() if span is not whole} == {whole.span_id}


def test_the_models_work_follows_the_genai_conventions(collector: Collector, exchange: Exchange) -> None:
    """Dashboards made for GenAI traces find model, tokens and operation where they look for them."""
    attributes = _attributes(_trace(collector, exchange)["chat small"])

    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.request.model"] == "small"
    assert attributes["gen_ai.usage.input_tokens"] == 12
    assert attributes["gen_ai.usage.output_tokens"] == 51
    assert attributes["courtyard.region"] == "home"
    assert attributes["courtyard.cost"] == 1234


def test_a_callers_trace_goes_on(collector: Collector, exchange: Exchange) -> None:
    """With a W3C `traceparent` our span is a child of the caller's."""
    spans = _trace(collector, replace(exchange, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01"))

    whole = spans["POST /v1/chat/completions"]
    assert whole.trace_id.hex() == "ab" * 16
    assert whole.parent_span_id.hex() == "cd" * 8


def test_a_made_up_traceparent_harms_nothing(collector: Collector, exchange: Exchange) -> None:
    """A header that is no trace context starts a trace of its own."""
    spans = _trace(collector, replace(exchange, traceparent="'; drop table spans"))

    assert spans["POST /v1/chat/completions"].parent_span_id == b""


def test_a_failure_is_marked(collector: Collector, exchange: Exchange) -> None:
    """A failed exchange says so on both spans, with the error's code."""
    spans = _trace(collector, replace(exchange, status=502, error="engine_failed"))

    for name in ("POST /v1/chat/completions", "chat small"):
        assert spans[name].status.code == 2
        assert _attributes(spans[name])["error.type"] == "engine_failed"


def test_a_refusal_has_no_model_span(collector: Collector, exchange: Exchange) -> None:
    """Where no engine worked, no work is shown."""
    spans = _trace(collector, replace(exchange, status=402, error="insufficient_quota", engine=None, usage=None))

    assert "chat small" not in spans
    assert spans["POST /v1/chat/completions"].status.code == 0


def test_opentelemetrys_own_variables_work(
    collector: Collector, exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`OTEL_EXPORTER_OTLP_ENDPOINT` alone turns tracing on."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    telemetry = Telemetry(stream=io.BytesIO())
    telemetry.finished(exchange)
    telemetry.close()

    assert "chat small" in collector.spans
