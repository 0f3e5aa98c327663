"""Sinks: who is told what to forget. `make` turns a policy into one."""

from collections.abc import Iterable
from typing import Any

import psycopg

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.sinks.base import AbsentSink, Entry, Sink, SinkError
from perf_pipeline.invalidation.sinks.policy import SinkPolicy

__all__ = ["AbsentSink", "Entry", "Sink", "SinkError", "SinkPolicy", "make"]


def make(policy: SinkPolicy, connection: psycopg.Connection[Any] | None = None) -> Sink:
    """Return the sink of a policy; it connects when it is first used.

    Parameters
    ----------
    policy : SinkPolicy
        What and where.
    connection : psycopg.Connection, optional
        The worker's connection to the target; a `notify` sink speaks through it.

    Returns
    -------
    Sink
        `AbsentSink` where the policy is optional and its variable not set.

    Raises
    ------
    ConfigurationError
        A variable the policy names is not set, or its URL cannot be used.

    """
    if policy.optional and policy.url_env and settings.variable(policy.url_env) is None:
        return AbsentSink(policy)
    if policy.kind == "redis":
        from perf_pipeline.invalidation.sinks.redis_sink import RedisSink

        return RedisSink(policy)
    if policy.kind == "webhook":
        from perf_pipeline.invalidation.sinks.webhook import WebhookSink

        return WebhookSink(policy)
    if connection is None:
        raise ConfigurationError(
            f"a notify sink (channel {policy.channel!r}) needs the worker's connection",
            "call make(policy, connection)",
        )
    from perf_pipeline.invalidation.sinks.notify import NotifySink

    return NotifySink(policy, connection)


def left_out(policies: Iterable[SinkPolicy]) -> list[str]:
    """Return who is not told because an optional variable is not set, each once."""
    absent = (p for p in policies if p.optional and settings.variable(p.url_env) is None)
    return list(dict.fromkeys(f"{p.kind}: {p.url_env} is not set" for p in absent))
