"""Webhooks against a real HTTP server: signed, retried when told to, errors per entity."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import sinks
from perf_pipeline.invalidation.sinks import SinkError, SinkPolicy
from perf_pipeline.invalidation.sinks.webhook import WebhookSink, sign, verify, waiting
from perf_pipeline_tests.invalidation.sinks.common import named

POLICY = SinkPolicy("webhook", url_env="PURGE_URL", secret_env="PURGE_SECRET", timeout_s=20)
SECRET = "between us"
NOW = 1_795_000_000.0


@dataclass
class Receiver:
    """What came, and what is answered next: (status, headers, body)."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.came.append((dict(self.headers), body))
            status, headers, answer = told.answers.pop(0) if told.answers else (204, {}, b"")
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        told.url = f"http://127.0.0.1:{server.server_address[1]}/purge?zone=1"
        monkeypatch.setenv("PURGE_URL", told.url)
        monkeypatch.setenv("PURGE_SECRET", SECRET)
        yield told
        server.shutdown()
        thread.join()


def sink(slept: list[float]) -> WebhookSink:
    return WebhookSink(POLICY, sleep=slept.append, clock=lambda: NOW)


def test_a_batch_is_one_signed_request(receiver: Receiver) -> None:
    assert sink([]).invalidate("catalog", named(1, 2, 1)) == {}
    [(headers, body)] = receiver.came
    assert json.loads(body) == {"cache_type": "catalog", "entities": ["1", "2"]}
    assert verify(SECRET, headers, body, NOW + 299)
    assert not verify(SECRET, headers, body, NOW + 301)
    assert not verify("another", headers, body, NOW)
    assert not verify(SECRET, headers, body + b" ", NOW)
    assert not verify(SECRET, {}, body, NOW)


def test_every_one_is_said_alone_and_batches_are_kept(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink([]).invalidate("catalog", named(1, "*"))
    small = SinkPolicy("webhook", url_env="PURGE_URL", secret_env="PURGE_SECRET", batch=2)
    sinks.make(small).invalidate("catalog", named(1, 2, 3))
    said = [json.loads(body)["entities"] for _, body in receiver.came]
    assert said == [["*"], ["1", "2"], ["3"]]


def test_the_answer_may_name_entities_that_failed(receiver: Receiver) -> None:
    answer = json.dumps({"errors": {"2": "no such zone", "9": "never asked"}}).encode()
    receiver.answers = [(200, {}, answer)]
    assert sink([]).invalidate("catalog", named(1, 2)) == {"2": "no such zone"}


@pytest.mark.parametrize("answer", [b"", b"ok", b"[]", b'{"errors": 3}', b"\xff"])
def test_an_answer_in_another_form_is_success(receiver: Receiver, answer: bytes) -> None:
    receiver.answers = [(200, {}, answer)]
    assert sink([]).invalidate("catalog", named(1)) == {}


def test_busy_is_tried_again_as_late_as_asked(receiver: Receiver) -> None:
    slept: list[float] = []
    receiver.answers = [(503, {}, b""), (429, {"Retry-After": "3"}, b"")]
    assert sink(slept).invalidate("catalog", named(1)) == {}
    assert slept == [0.5, 3.0]
    deliveries = {headers["X-Perf-Delivery"] for headers, _ in receiver.came}
    assert len(receiver.came) == 3
    assert len(deliveries) == 1


def test_asked_for_long_it_is_the_queues_to_wait(receiver: Receiver) -> None:
    slept: list[float] = []
    receiver.answers = [(429, {"Retry-After": "120"}, b"")]
    with pytest.raises(SinkError, match="HTTP 429") as caught:
        sink(slept).invalidate("catalog", named(1))
    assert (caught.value.retry_after_s, slept) == (120.0, [])


@pytest.mark.parametrize("status", [301, 400, 401, 404])
def test_a_refusal_is_not_repeated(receiver: Receiver, status: int) -> None:
    receiver.answers = [(status, {"Location": "http://127.0.0.1:1/"}, b"")]
    with pytest.raises(SinkError, match=f"HTTP {status}"):
        sink([]).invalidate("catalog", named(1))
    assert len(receiver.came) == 1


def test_after_the_last_try_it_is_down(receiver: Receiver) -> None:
    slept: list[float] = []
    receiver.answers = [(500, {}, b"")] * 5
    with pytest.raises(SinkError, match="PURGE_URL") as caught:
        sink(slept).invalidate("catalog", named(1))
    assert SECRET not in str(caught.value)
    assert (len(receiver.came), slept) == (3, [0.5, 1.0])


def test_nobody_there(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PURGE_URL", "http://127.0.0.1:1/")
    slept: list[float] = []
    with pytest.raises(SinkError, match="refused"):
        sink(slept).invalidate("catalog", named(1))
    assert len(slept) == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("PURGE_URL", "", "PURGE_URL is not set"),
        ("PURGE_URL", "ftp://cdn", "no URL of a webhook"),
        ("PURGE_URL", "http://cdn.example/purge", "in the clear"),
        ("PURGE_SECRET", "", "PURGE_SECRET is not set"),
    ],
)
def test_what_cannot_be_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, name: str, text: str, message: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError, match=message):
        sinks.make(POLICY)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("Wed, 18 Nov 2026 11:06:50 GMT", 10.0),
        ("Wed, 18 Nov 2026 11:06:50 -0000", 10.0),
        ("Wed, 18 Nov 2026 11:06:30 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    assert waiting(header, NOW) == seconds


@given(st.text(), st.integers(0, 2**40), st.binary(), st.binary())
def test_a_signature_is_of_its_secret_time_and_body(
    secret: str, timestamp: int, body: bytes, other: bytes
) -> None:
    headers = {
        "x-perf-timestamp": str(timestamp),
        "x-perf-signature": sign(secret, timestamp, body),
    }
    assert verify(secret, headers, body, timestamp)
    assert verify(secret, headers, other, timestamp) == (other == body)


def test_a_known_signature() -> None:
    """Computed with another implementation: `printf '1.a' | openssl dgst -sha256 -hmac key`."""
    assert sign("key", 1, b"a") == (
        "v1=32a5f52f8b585db06b5960c1b30992c0575588cf6343eeb646efa5bfd9ca5a17"
    )
