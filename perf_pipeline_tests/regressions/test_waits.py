"""What a statement waited for, before and after."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from perf_pipeline.regressions.waits import SCHEMA, compare

AT = datetime(2025, 3, 3, 12)
MINUTE = timedelta(minutes=1)
BEFORE, AFTER = (AT - 60 * MINUTE, AT), (AT, AT + 60 * MINUTE)


def samples(*rows):
    """Rows of (minutes from AT, type, event, sessions)."""
    return pl.DataFrame(
        [(AT + m * MINUTE, 1, kind, event, n) for m, kind, event, n in rows],
        schema=dict(SCHEMA),
        orient="row",
    )


def test_shares_by_type_with_the_largest_change_first():
    found = compare(
        samples(
            (-9, "", "", 8),
            (-5, "IO", "DataFileRead", 2),
            (0, "Lock", "transactionid", 2),
            (3, "Lock", "tuple", 4),
            (5, "", "", 2),
        ),
        BEFORE,
        AFTER,
    )
    assert found == {
        "samples_before": 10,
        "samples_after": 8,
        "by_type": [
            {"type": "Lock", "event": "tuple", "before": 0.0, "after": 0.75},
            {"type": "running", "event": None, "before": 0.8, "after": 0.25},
            {"type": "IO", "event": "DataFileRead", "before": 0.2, "after": 0.0},
        ],
    }


def test_a_side_with_too_few_samples_has_no_shares():
    found = compare(
        samples((-9, "", "", 4), (1, "Lock", "tuple", 9), (2, "", "", 1)), BEFORE, AFTER
    )
    assert (found["samples_before"], found["samples_after"]) == (4, 10)
    assert found["by_type"] == [
        {"type": "Lock", "event": "tuple", "before": None, "after": 0.9},
        {"type": "running", "event": None, "before": None, "after": 0.1},
    ]


@pytest.mark.parametrize("rows", [(), ((-9, "", "", 4), (1, "Lock", "tuple", 4))])
def test_too_few_samples_on_both_sides_are_nothing(rows):
    assert compare(samples(*rows), BEFORE, AFTER) is None
