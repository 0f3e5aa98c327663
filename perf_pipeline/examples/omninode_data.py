"""The rows of the omninode example: events with their retries and poison, as frames (pure).

An event is tried until it succeeds; each attempt is a row of metrics. Some always fail ("poison")
and end as dead letters, some were forgotten by their worker ("stranded"), the newest still wait.
Load scripts find resources by arithmetic: resource `i` (1-based) has the id `r<i>`.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import polars as pl

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples.thorbis_kit import DAY_US, Chunk, Ints, moments, uuids, words

__all__ = ["Size", "chunks"]

#: Bumped when the same parameters give other rows.
DATA_VERSION = 1
SECOND_US = 1_000_000

SOURCES = ("github", "gitlab", "jira", "slack", "stripe", "pipeline")
ACTIONS = ("created", "updated", "closed", "failed")
RESOURCES = ("repository", "ticket", "channel", "invoice", "build")
_SERVICES = ("intake", "router", "publisher", "audit", "metrics")
_ERRORS = ("broker timed out", "no route for the topic", "schema of the payload unknown")
_SECURITY = ("sign_in", "token_refresh", "permission_change", "export")

#: Share of events that needed another attempt, of those that never succeed, and of those that no
#: worker came back to.
RETRIED, POISON, STRANDED = 0.06, 0.001, 0.001
#: An event is tried ten times (O-17).
MOST_ATTEMPTS = 10
#: Of attempts the broker gave no answer to (O-13).
UNKNOWN = 0.01
#: Younger events still wait.
_WAITING_US = 300 * SECOND_US
#: Different texts too long for any index, told by poison.
_LONG_TEXTS, _LONG_BYTES = 16, 4_000
#: Rows of the largest table built at once.
_CHUNK_EVENTS = 200_000


@dataclass(frozen=True)
class Size:
    """How much data: events, and the days they are spread over.

    Raises
    ------
    ConfigurationError
        Fewer than 100 events, or less than a day.

    """

    events: int = 100_000
    days: int = 45

    def __post_init__(self) -> None:
        for name, least in (("events", 100), ("days", 1)):
            value = getattr(self, name)
            if value < least:
                raise ConfigurationError(f"{name}={value} is too small", f"use at least {least}")

    @property
    def resources(self) -> int:
        """Ten events a resource on average, many more for a few."""
        return max(1, self.events // 10)

    def variables(self) -> dict[str, int]:
        """Return what the load scripts need to pick ids (`pgbench -D`)."""
        return {"resources": self.resources}

    def parameters(self, seed: int) -> dict[str, int]:
        """Return what identifies the content, together with the reference time."""
        return {**asdict(self), "seed": seed, "data_version": DATA_VERSION}


def chunks(size: Size, seed: int, now: datetime) -> Iterator[Chunk]:
    """Yield the rows of every table, a stretch of time at a time.

    Parameters
    ----------
    size : Size
    seed : int
        Same size, seed and `now`: same rows.
    now : datetime
        Naive UTC; all rows lie within `size.days` before.

    Yields
    ------
    dict of (schema, table) to polars.DataFrame
        Columns named as in the table; keys before the events that refer to them.

    """
    now_us = int((now - datetime(1970, 1, 1)).total_seconds()) * SECOND_US
    yield _surroundings(size, np.random.default_rng([seed, 0]), now_us)
    created = _arrivals(size, np.random.default_rng([seed, 1]), now_us)
    for part, begin in enumerate(range(0, size.events, _CHUNK_EVENTS)):
        rng = np.random.default_rng([seed, 2, part])
        yield _events(size, rng, created[begin : begin + _CHUNK_EVENTS], now_us)


def _arrivals(size: Size, rng: np.random.Generator, now_us: int) -> Ints:
    """Return when events arrive, oldest first: three of four within twelve hours of a day."""
    age = rng.random(size.events) * size.days * DAY_US
    moved = now_us - age.astype(np.int64)
    night = (moved % DAY_US < DAY_US // 2) & (rng.random(size.events) < 0.5)
    # half of the night's events come twelve hours later, but not later than now
    moved = np.where(night & (moved < now_us - DAY_US // 2), moved + DAY_US // 2, moved)
    return np.sort(moved)


def _events(size: Size, rng: np.random.Generator, created: Ints, now_us: int) -> Chunk:
    n = len(created)
    ids = uuids(rng, n)
    fate = rng.random(n)
    waiting = created > now_us - _WAITING_US
    poison = (fate < POISON) & ~waiting
    stranded = (fate > 1 - STRANDED) & ~waiting
    retried = (fate >= POISON) & (fate < POISON + RETRIED) & ~waiting
    retries = np.where(poison, MOST_ATTEMPTS, np.where(retried, 1 + rng.geometric(0.5, n) % 4, 0))
    processed = ~(waiting | poison | stranded)
    kind = rng.integers(0, len(_ERRORS), n)
    long_texts = [rng.bytes(_LONG_BYTES // 2).hex() for _ in range(_LONG_TEXTS)]
    which = rng.integers(0, _LONG_TEXTS, n)
    source, action = rng.integers(0, len(SOURCES), n), rng.integers(0, len(ACTIONS), n)
    # a few resources have many events
    resource = 1 + (size.resources * rng.random(n) ** 2).astype(np.int64)
    message = pl.DataFrame({"short": words(_ERRORS, kind), "long": words(long_texts, which)})
    error = message.select(
        pl.when(pl.Series(poison)).then("long").otherwise("short").alias("error")
    ).to_series()
    kinds = [f"{one}.{other}" for one in SOURCES for other in ACTIONS]
    said = pl.DataFrame(
        {
            "type": words(kinds, source * len(ACTIONS) + action),
            "long": message["long"],
            "user": rng.integers(1, 500, n),
            "amount": rng.integers(1, 10_000, n),
        }
    )
    payload = said.select(
        pl.concat_str(
            pl.lit('{"type": "'),
            # half of the poison is a type that is none, and fits into no index
            pl.when(pl.Series(poison & (which % 2 == 0))).then("long").otherwise("type"),
            pl.lit('", "user": "u'),
            "user",
            pl.lit('", "amount": '),
            "amount",
            pl.lit("}"),
        ).alias("payload")
    ).to_series()
    events = pl.DataFrame(
        {
            "id": ids,
            "source": words(SOURCES, source),
            "action": words(ACTIONS, action),
            "resource": words(RESOURCES, resource % len(RESOURCES)),
            "resource_id": pl.select(pl.format("r{}", pl.Series(resource))).to_series(),
            "payload": payload,
            "processed": processed,
            "processing_errors": _arrays(error, np.where(retries > 0, 1, 0)),
            "retry_count": retries,
            "created_at": moments(created),
            "updated_at": moments(np.minimum(created + retries * 30 * SECOND_US, now_us)),
        }
    )
    return {
        ("omninode", "hook_event_keys"): events.select("id", "created_at"),
        ("omninode", "hook_events"): events,
        ("omninode", "event_metrics"): _attempts(rng, events, error, processed, retries, now_us),
    }


def _arrays(error: pl.Series, told: Ints) -> pl.Series:
    """Return each text as an array of one, or an empty one, as PostgreSQL writes it."""
    return (
        pl.DataFrame({"error": error, "told": told})
        .select(
            pl.when(pl.col("told") > 0)
            .then(pl.concat_str(pl.lit('{"'), "error", pl.lit('"}')))
            .otherwise(pl.lit("{}"))
        )
        .to_series()
    )


def _attempts(
    rng: np.random.Generator,
    events: pl.DataFrame,
    error: pl.Series,
    processed: np.ndarray,
    retries: Ints,
    now_us: int,
) -> pl.DataFrame:
    """Return a row per attempt: retries fail, the last attempt of a processed event succeeds."""
    tries = retries + processed
    event = np.repeat(np.arange(events.height), tries)
    first = np.repeat(np.cumsum(tries) - tries, tries)
    number = np.arange(len(event)) - first
    success = (number == tries[event] - 1) & processed[event]
    unknown = success & (rng.random(len(event)) < UNKNOWN)
    # attempts follow each other by 30 s
    at = events["created_at"].to_physical().to_numpy()[event] + (number * 30 + 1) * SECOND_US
    took = np.round(rng.lognormal(3.4, 0.6, len(event)) * np.where(success, 1.0, 8.0), 3)
    return pl.DataFrame(
        {
            "event_id": events["id"].gather(event),
            "processing_time_ms": took,
            "kafka_publish_success": pl.Series(success).set(pl.Series(unknown), None),
            "error_message": error.gather(event).set(pl.Series(success), None),
            "created_at": moments(np.minimum(at, now_us)),
        }
    ).sort("created_at", maintain_order=True)


def _surroundings(size: Size, rng: np.random.Generator, now_us: int) -> Chunk:
    """Return sessions of services, security events and looks at the pool."""
    span = size.days * DAY_US
    sessions = max(10, size.events // 20)
    start = np.sort(now_us - (rng.random(sessions) * span).astype(np.int64))
    end = start + (rng.lognormal(8.0, 1.0, sessions) * SECOND_US).astype(np.int64)
    open_still = end > now_us
    broken = ~open_still & (rng.random(sessions) < 0.03)
    service = rng.integers(0, len(_SERVICES), sessions)
    # who looks into a session has seen it a little before it ended
    seen = np.minimum(end, now_us)
    checks = max(10, size.events // 2)
    asked = np.sort(now_us - (rng.random(checks) * span).astype(np.int64))
    address = rng.integers(1, 250, checks)
    # what a client says of itself need not be true, nor an address
    client = pl.DataFrame({"n": address, "odd": rng.random(checks) < 0.01}).select(
        pl.when("odd")
        .then(pl.lit('{"ip_address": "unknown, forwarded"}'))
        .otherwise(pl.concat_str(pl.lit('{"ip_address": "10.0.0.'), "n", pl.lit('"}')))
    )
    looks = np.arange(now_us - span, now_us, 300 * SECOND_US)
    active = rng.binomial(50, 0.35, len(looks))
    return {
        ("omninode", "service_sessions"): pl.DataFrame(
            {
                "id": uuids(rng, sessions),
                "service_name": words(_SERVICES, service),
                "instance_id": pl.select(
                    pl.format("node-{}", pl.Series(rng.integers(1, 13, sessions)))
                ).to_series(),
                "status": words(
                    ["active", "ended", "failed"], np.where(open_still, 0, np.where(broken, 2, 1))
                ),
                "session_start": moments(start),
                "session_end": moments(end, ~open_still),
                "created_at": moments(start),
                "updated_at": moments(seen),
            }
        ),
        ("omninode", "security_audit_log"): pl.DataFrame(
            {
                "event_type": words(_SECURITY, rng.integers(0, len(_SECURITY), checks)),
                "success": rng.random(checks) < 0.95,
                "client_info": client.to_series(),
                "created_at": moments(asked),
            }
        ),
        ("omninode", "connection_metrics"): pl.DataFrame(
            {
                "recorded_at": moments(looks),
                "pool_size": np.full(len(looks), 50),
                "active_connections": active,
                "avg_query_time_ms": pl.Series(
                    np.round(rng.lognormal(1.0, 0.4, len(looks)), 3)
                ).set(pl.Series(active == 0), None),
            }
        ),
    }
