"""An HTTP webhook, such as a CDN's purge: signed requests, retried when told to.

A request is `POST` with the body `{"cache_type": ..., "entities": [...]}` (`["*"]`: every one) and

- `X-Perf-Timestamp`: seconds since 1970 when it was sent,
- `X-Perf-Delivery`: an id, the same in each retry of one request,
- `X-Perf-Signature`: `v1=` and the hex HMAC-SHA256, by the shared secret, of the timestamp, a full
  stop and the body's bytes.

Who receives it checks with `verify` (or the same in his language) before he acts. An answer of 2xx
is success; its body may name entities that failed: `{"errors": {"42": "why"}}`. 429 and 5xx are
tried again, not before `Retry-After`; every other answer is an error of the whole sink.
"""

import hashlib
import hmac
import http.client
import ipaddress
import json
import ssl
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.sinks.base import Entry, SinkError
from perf_pipeline.invalidation.sinks.policy import SinkPolicy

TIMESTAMP, DELIVERY, SIGNATURE = "X-Perf-Timestamp", "X-Perf-Delivery", "X-Perf-Signature"

#: First wait before a retry, seconds; each further one is twice as long.
FIRST_WAIT_S = 0.5
#: A worker does not sleep longer than this for one sink; a longer Retry-After goes to the queue.
LONGEST_WAIT_S = 5.0
#: An answer longer than this is not read to its end.
ANSWER_BYTES = 1_000_000


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a request.

    Parameters
    ----------
    secret : str
        The shared secret.
    timestamp : int
        Seconds since 1970, as sent in `X-Perf-Timestamp`.
    body : bytes
        The body as sent.

    Returns
    -------
    str
        `v1=` and 64 hex digits (HMAC-SHA256, RFC 2104).

    """
    signed = f"{timestamp}.".encode() + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def verify(
    secret: str, headers: Mapping[str, str], body: bytes, now: float, tolerance_s: float = 300.0
) -> bool:
    """Tell whether a request came from who knows the secret, and lately.

    Parameters
    ----------
    secret : str
        The shared secret.
    headers : mapping
        Of the request; names in any case.
    body : bytes
        As received, before any parsing.
    now : float
        Seconds since 1970.
    tolerance_s : float
        An older (or newer) timestamp is refused, so that a recorded request is soon worth nothing.

    """
    given = {name.lower(): text for name, text in headers.items()}
    try:
        timestamp = int(given[TIMESTAMP.lower()])
        signature = given[SIGNATURE.lower()].encode()
    except (KeyError, ValueError):
        return False
    known = sign(secret, timestamp, body).encode()
    return hmac.compare_digest(known, signature) and abs(now - timestamp) <= tolerance_s


class WebhookSink:
    """Tells an HTTP endpoint what to forget.

    Parameters
    ----------
    policy : SinkPolicy
        Of kind webhook.
    sleep, clock : callable
        Of `time`; a test gives its own.

    Raises
    ------
    ConfigurationError
        A variable is unset, or the URL is neither https:// nor http:// of this machine.

    """

    def __init__(
        self,
        policy: SinkPolicy,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy
        self.name = f"webhook {policy.url_env}"
        self._sleep, self._clock = sleep, clock
        self._url = _checked(policy)
        secret = settings.variable(policy.secret_env)
        if secret is None:
            raise ConfigurationError(
                f"environment variable {policy.secret_env} is not set",
                "set it to the secret the receiver verifies signatures with",
            )
        self._secret = secret

    def invalidate(self, cache_type: str, batch: Sequence[Entry]) -> dict[str, str]:
        """Post what is to be forgotten; see `Sink.invalidate`."""
        entities = list(dict.fromkeys(entry.entity for entry in batch))
        if "*" in entities:
            entities = ["*"]
        errors: dict[str, str] = {}
        for first in range(0, len(entities), self.policy.batch):
            part = entities[first : first + self.policy.batch]
            errors |= self._post(cache_type, part)
        return errors

    def _post(self, cache_type: str, entities: list[str]) -> dict[str, str]:
        body = json.dumps({"cache_type": cache_type, "entities": entities}).encode()
        delivery = uuid.uuid4().hex
        wait = FIRST_WAIT_S
        for left in reversed(range(self.policy.attempts)):
            asked: float | None = None
            try:
                status, answer, retry_after = self._send(body, delivery)
            except (OSError, http.client.HTTPException) as error:
                trouble = f"{type(error).__name__}: {error}"
            else:
                if 200 <= status < 300:
                    return _errors(answer, entities)
                trouble = f"HTTP {status}"
                asked = waiting(retry_after, self._clock())
                if status != 429 and status < 500:
                    break
            pause = max(wait, asked or 0.0)
            if not left or pause > LONGEST_WAIT_S:
                break
            self._sleep(pause)
            wait *= 2
        raise SinkError(
            f"webhook of {self.policy.url_env} does not do it: {trouble}",
            "see that it runs and knows the secret; what is due stays due",
            asked,
        )

    def _send(self, body: bytes, delivery: str) -> tuple[int, bytes, str | None]:
        url, limit = self._url, self.policy.timeout_s
        now = int(self._clock())
        host = url.hostname or ""
        connection: http.client.HTTPConnection
        if url.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, url.port, timeout=limit, context=context)
        else:
            connection = http.client.HTTPConnection(host, url.port, timeout=limit)
        try:
            connection.request(
                "POST",
                (url.path or "/") + (f"?{url.query}" if url.query else ""),
                body,
                {
                    "Content-Type": "application/json",
                    "User-Agent": "perf-pipeline",
                    TIMESTAMP: str(now),
                    DELIVERY: delivery,
                    SIGNATURE: sign(self._secret, now, body),
                },
            )
            response = connection.getresponse()  # a redirect is no success: a purge does not move
            return response.status, response.read(ANSWER_BYTES), response.getheader("Retry-After")
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing stays open between requests."""


def waiting(header: str | None, now: float) -> float | None:
    """Return the seconds a `Retry-After` asks for (a number or a date, RFC 9110), else None."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.fromtimestamp(now, UTC)).total_seconds())


def _errors(answer: bytes, entities: Sequence[str]) -> dict[str, str]:
    """Return the errors an answer names; a body of any other form is none."""
    try:
        told = json.loads(answer)["errors"]
        named = {str(entity): str(why) for entity, why in told.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {entity: why for entity, why in named.items() if entity in entities}


def _checked(policy: SinkPolicy) -> SplitResult:
    name = policy.url_env
    text = settings.variable(name)
    if text is None:
        raise ConfigurationError(
            f"environment variable {name} is not set", f"set {name}=https://cdn.example/purge"
        )
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ConfigurationError(
            f"environment variable {name} is no URL of a webhook", "begin it with https://"
        )
    if url.scheme == "http" and not _is_local(url.hostname):
        raise ConfigurationError(
            f"environment variable {name}: http:// to {url.hostname} would travel in the clear",
            "use https://; http:// is for this machine",
        )
    return url


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
