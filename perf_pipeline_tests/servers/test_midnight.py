"""How long a test waits for the next day."""

from datetime import UTC, datetime

import pytest

from perf_pipeline_tests.servers.midnight import wait_s


@pytest.mark.parametrize(
    ("at", "needed", "expected"),
    [
        ("12:00:00", 40, 0),
        ("23:59:20", 40, 0),
        ("23:59:21", 40, 44),
        ("23:59:59.5", 40, 5.5),
        ("23:57:00", 200, 185),
        ("00:00:00", 40, 5),
        ("00:00:05", 40, 0),
    ],
)
def test_what_would_be_of_two_days_waits(at: str, needed: float, expected: float) -> None:
    now = datetime.fromisoformat(f"2026-02-28T{at}").replace(tzinfo=UTC).timestamp()
    assert wait_s(now, needed) == pytest.approx(expected, abs=1e-3)
