"""Capture and queue on each major version: triggers differ in what they copy and restore."""

from typing import Any

import pytest

from perf_pipeline.invalidation import install, queue
from perf_pipeline.invalidation.model import CacheType, Captured
from perf_pipeline_tests.invalidation.support import (
    CLINIC,
    DASHBOARD,
    installed,
    run,
    waiting,
    worker,
)

pytestmark = pytest.mark.server

ROWS = CacheType(
    "rows",
    (Captured("clinic.readings", "patient_id", "row"), Captured("clinic.visits", "id", "row")),
)


@pytest.fixture(scope="module")
def server(each_server: Any) -> Any:
    return each_server


def test_capture(server: Any, databases: Any) -> None:
    databases.make(server, "capture_versions")
    url = server.url("capture_versions")
    run(url, CLINIC, "INSERT INTO clinic.patients VALUES (1), (2)")
    installed(url, DASHBOARD, ROWS)
    with worker(url) as connection:
        connection.execute("INSERT INTO clinic.readings VALUES (1, 5), (2, 120)")
        connection.execute("UPDATE clinic.readings SET at = 130 WHERE patient_id = 1")
        connection.execute("DELETE FROM clinic.readings_2a")
        assert waiting(connection) == {"1": 3, "2": 2}
        assert set(waiting(connection, "rows")) == {"1", "2"}
        connection.execute("INSERT INTO clinic.visits (patient_id) VALUES (1)")
        with connection.transaction():
            connection.execute("SET LOCAL perf_pipeline.bulk = on")
            connection.execute("UPDATE clinic.visits SET note = 'x'")
            connection.execute("UPDATE clinic.visits SET patient_id = 2")
        connection.execute("TRUNCATE clinic.lines")
        assert waiting(connection) == {"1": 2, "2": 1, "*": 1}
        connection.execute(
            "CREATE TABLE clinic.readings_3 PARTITION OF clinic.readings"
            " FOR VALUES FROM (200) TO (300)"
        )
        found = install.install(connection, "clinic", [DASHBOARD, ROWS]).plan
        assert {step.name.partition(":")[0] for step in found.steps} == {"clinic.readings_3"}
        connection.execute("INSERT INTO clinic.readings_3 VALUES (1, 250)")
        assert waiting(connection) == {"1": 1}
        assert queue.due_now(connection, [ROWS]).due == ()
        assert install.uninstall(connection) > 10
    databases.drop(server, "capture_versions")
