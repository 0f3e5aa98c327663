"""What parts of ours measure beside the sweeps: absent, never zero."""

from datetime import UTC, datetime, timedelta

import pytest

from perf_pipeline.store import Store, measurements

pytestmark = pytest.mark.server

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)


def kept(store: Store) -> list[tuple[object, ...]]:
    with store.begin() as connection:
        return connection.execute(
            "SELECT subject, ts, value FROM monitoring.measurements"
            " WHERE target = 'shop' AND metric = 'headroom' ORDER BY ts, subject"
        ).fetchall()


def test_what_was_measured_is_kept_once(shared_store: Store) -> None:
    def note(at: datetime, **values: float) -> None:
        measurements.note(shared_store, "shop", "headroom", values, at)

    note(AT, a=3.0, b=float("inf"), c=float("nan"))
    note(AT, a=9.0)
    note(AT)
    assert kept(shared_store) == [("a", AT, 3.0)]
    later = AT + timedelta(days=40)
    note(later, a=1.0)
    assert kept(shared_store) == [("a", AT, 3.0), ("a", later, 1.0)]
