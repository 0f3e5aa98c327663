"""What the cache client and the Redis sink cost, each beside the plain way, on a Redis of its own.

Prints microseconds, and `RATIO name value`: how many times as long the plain way takes. Needs a
Redis: PERF_REDIS_SERVER, or one that scripts/redis finds.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis

from perf_pipeline.invalidation import sinks
from perf_pipeline.invalidation.client import CacheClient, SinkPolicy

HERE = Path(__file__).resolve().parents[1]
POLICY = SinkPolicy("redis", key="business:config:{business_id}", ttl_s=3600)
ENTITIES = 20_000
ROUNDS = 5


@dataclass(frozen=True)
class Named:
    """An entry as a sink reads it."""

    entity: str


def each_us(what: Callable[[], object], times: int) -> float:
    """Return the median over rounds of one call's time, microseconds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            what()
        rounds.append((time.perf_counter() - began) / times * 1e6)
    return statistics.median(rounds)


def report(name: str, ours: float, plain: float, unit: str = "us") -> None:
    """Print both sides and their ratio."""
    print(f"{name}: {ours:,.2f} {unit}, plain {plain:,.2f} {unit}")
    print(f"RATIO {name} {plain / ours:.2f}")


def looks(raw: redis.Redis) -> None:
    """Look where the value is there, in the process and in Redis."""
    with CacheClient({"config": POLICY}) as client:
        while not client.heard:
            time.sleep(0.01)
        client.get("config", "1", lambda: {"plan": "pro"})
        plain = each_us(lambda: raw.get("business:config:{1}"), 2_000)
        report("l1_hit", each_us(lambda: client.get("config", "1", list), 100_000), plain)

        def from_redis() -> object:
            client.forget("config", ["1"])
            return client.get("config", "1", list)

        report("l2_hit", each_us(from_redis, 2_000), plain)


def invalidations(raw: redis.Redis) -> None:
    """Forget a batch against one call for each; every one against a search by SCAN."""
    sink = sinks.make(POLICY)
    entities = [Named(str(n)) for n in range(2_000)]

    def one_by_one() -> None:
        for each in entities:
            raw.delete(POLICY.key_of(each.entity))

    def fill() -> None:
        with raw.pipeline(transaction=False) as pipe:
            for n in range(ENTITIES):
                pipe.set(POLICY.key_of(str(n)), b"x")
            pipe.execute()

    def scan() -> None:
        names = list(raw.scan_iter("business:config:*", count=1000))
        for first in range(0, len(names), 1000):
            raw.unlink(*names[first : first + 1000])

    fill()
    ours = each_us(lambda: sink.invalidate("config", entities), 1) / len(entities)
    fill()
    report("forget_2000_each", ours, each_us(one_by_one, 1) / len(entities))
    began = time.perf_counter()
    sink.invalidate("config", [Named("*")])
    ours = (time.perf_counter() - began) * 1e3
    fill()
    began = time.perf_counter()
    scan()
    report(f"forget_every_of_{ENTITIES}", ours, (time.perf_counter() - began) * 1e3, "ms")
    sink.close()


def main() -> int:
    """Start a Redis, measure, stop it."""
    found = (
        os.environ.get("PERF_REDIS_SERVER")
        or subprocess.run(
            [HERE / "scripts" / "redis"], capture_output=True, text=True, check=False
        ).stdout.strip()
    )
    if not found:
        print("no Redis is here and none could be had", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        server = subprocess.Popen(
            [found, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            os.environ["PERF_REDIS_URL"] = f"unix://{path}"
            while not path.exists():
                time.sleep(0.01)
            with redis.Redis(unix_socket_path=str(path)) as raw:
                looks(raw)
                invalidations(raw)
        finally:
            server.terminate()
            server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
