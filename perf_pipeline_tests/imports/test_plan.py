from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.imports.model import Interval
from perf_pipeline.imports.plan import DayState, Known, action, by_day, fresh, spans
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import STATEMENTS
from perf_pipeline_tests.snapshots.simulator import statements

DAY = date(2026, 3, 1)
TODAY = date(2026, 3, 9)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = statements([]).select(pl_name for pl_name in STATEMENTS.keys)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def interval(start: int | None, end: int) -> Interval:
    previous = None if start is None else at(start)
    return Interval(Observation(at(end), 150000), previous, "exact", NOTHING, 0)


def state(*sweeps: tuple[int, int | None, str]) -> DayState:
    return DayState(
        tuple(Known(at(ts), None if start is None else at(start), s) for ts, start, s in sweeps)
    )


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (DayState(), "import"),
        (state((5, 0, "collected")), "collected"),
        (state((5, 0, "imported"), (10, 5, "collected")), "collected"),
        (state((5, 0, "generated")), "generated"),
        (DayState(rolled_up=frozenset({"collected"})), "collected"),
        (DayState(rolled_up=frozenset({"imported"})), "rolled_up"),
        (DayState(archived=True), "rolled_up"),
        (state((5, 0, "imported"), (10, 5, "imported")), "there"),
        (state((5, 0, "imported")), "import"),
        (state((5, None, "imported"), (10, 5, "imported")), "import"),
    ],
)
def test_a_day_is_imported_unless_somebody_else_has_it(known: DayState, expected: str) -> None:
    assert action(known, DAY, [at(5), at(10)], [], TODAY) == expected


def test_a_baseline_that_stays_one_is_there() -> None:
    known = state((5, None, "imported"), (10, 5, "imported"))
    assert action(known, DAY, [at(5), at(10)], [at(5)], TODAY) == "there"


def test_a_sweep_of_the_next_day_is_not_of_this_one() -> None:
    assert action(state((24 * 60, 0, "collected")), DAY, [at(5)], [], TODAY) == "import"


def test_today_is_not_over() -> None:
    assert action(DayState(), TODAY, [at(5)], [], TODAY) == "unfinished"


def test_what_is_known_is_not_written_again() -> None:
    chosen = fresh([interval(0, 5), interval(5, 10)], state((5, 0, "imported")))
    assert [i.ts for i in chosen.intervals] == [at(10)]
    assert (chosen.replaced, chosen.overlapping) == ((), 0)


def test_a_baseline_gets_its_interval_when_an_earlier_snapshot_comes() -> None:
    chosen = fresh([interval(0, 5)], state((5, None, "imported"), (10, 5, "imported")))
    assert [i.ts for i in chosen.intervals] == [at(5)]
    assert chosen.replaced == (at(5),)


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (0, 5, True),  # ends where it begins
        (20, 25, True),  # begins where it ends
        (0, 6, False),
        (6, 10, False),
        (19, 25, False),
        (0, 60, False),
        (None, 10, False),  # a baseline within
        (None, 30, True),
    ],
)
def test_time_that_is_in_the_ledger_is_not_counted_twice(
    start: int | None, end: int, kept: bool
) -> None:
    chosen = fresh([interval(start, end)], state((20, 5, "collected")))
    assert (len(chosen.intervals) == 1, chosen.overlapping == 0) == (kept, kept)


minutes = st.lists(st.integers(0, 400), unique=True, min_size=2, max_size=30).map(sorted)


def history(ends: list[int]) -> list[Interval]:
    return [interval(ends[i - 1] if i else None, end) for i, end in enumerate(ends)]


def after(known: DayState, offered: list[Interval]) -> DayState:
    chosen = fresh(offered, known)
    kept = [known for known in known.sweeps if known.ts not in chosen.replaced]
    new = [Known(i.ts, i.previous_ts, "imported") for i in chosen.intervals]
    return DayState(tuple(sorted([*kept, *new], key=lambda k: k.ts)))


@given(st.lists(minutes, min_size=1, max_size=4))
def test_however_histories_overlap_no_minute_is_counted_twice_and_again_changes_nothing(
    histories: list[list[int]],
) -> None:
    known = DayState()
    for ends in histories:
        known = after(known, history(ends))
    taken = sorted((k.previous_ts, k.ts) for k in known.sweeps if k.previous_ts is not None)
    assert all(a[1] <= b[0] for a, b in pairwise(taken))
    assert len({k.ts for k in known.sweeps}) == len(known.sweeps)
    for ends in histories:
        assert after(known, history(ends)) == known


def test_days_and_spans() -> None:
    day = timedelta(days=1)
    assert list(by_day([NOON, NOON + day])) == [DAY, DAY + day]
    assert spans([DAY, DAY + day, DAY + 3 * day]) == [(DAY, DAY + day), (DAY + 3 * day,) * 2]
    assert spans([]) == []
