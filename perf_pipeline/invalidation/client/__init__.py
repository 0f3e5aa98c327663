"""Cached values for an application: in the process, in Redis, and never a stale one.

    from perf_pipeline.invalidation.client import CacheClient, SinkPolicy

    cache = CacheClient({
        "business_config": SinkPolicy("redis", key="business:config:{business_id}", ttl_s=3600),
    })
    settings = cache.get("business_config", "42", lambda: read_settings(42))

docs/invalidation.md tells what is guaranteed, and what it costs.
"""

from perf_pipeline.invalidation.client.cache import CacheClient, Limits
from perf_pipeline.invalidation.client.listen import Listener, PgListener, RedisListener
from perf_pipeline.invalidation.sinks.counters import Counters, read_counters
from perf_pipeline.invalidation.sinks.policy import SinkPolicy

__all__ = [
    "CacheClient",
    "Counters",
    "Limits",
    "Listener",
    "PgListener",
    "RedisListener",
    "SinkPolicy",
    "read_counters",
]
