"""What no index could hold keeps nothing else back."""

import random
from collections.abc import Callable

import pytest

from perf_pipeline.invalidation import queue
from perf_pipeline.invalidation.model import CacheType, Captured
from perf_pipeline_tests.invalidation.support import CLINIC, installed, run, waiting, worker

pytestmark = pytest.mark.server

LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=9_000))
SETTINGS = CacheType("settings", (Captured("clinic.notes", "name"),))
VISITS = CacheType("visits", (Captured("clinic.lines", "visit_id -> clinic.visits.id : note"),))


def test_an_entity_too_long_is_every_one(make_database: Callable[..., str]) -> None:
    url = make_database()
    run(url, CLINIC, "CREATE TABLE clinic.notes (name text)")
    installed(url, SETTINGS, VISITS)
    run(
        url,
        f"INSERT INTO clinic.notes VALUES ('short'), ('{LONG}')",
        f"INSERT INTO clinic.visits (note) VALUES ('{LONG}')",
        "INSERT INTO clinic.lines (visit_id) SELECT max(id) FROM clinic.visits",
        f"SELECT perf_pipeline_meta.invalidate('{LONG}', 'one')",
    )
    with worker(url) as connection:
        assert queue.fold(connection).taken >= 4
        assert waiting(connection, LONG[:200]) == {"one": 1}
        assert set(waiting(connection, "settings")) == {"short", "*"}
        assert set(waiting(connection, "visits")) == {"*"}
