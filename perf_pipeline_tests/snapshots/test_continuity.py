"""What the execution times an entry remembers prove, and what they do not."""

import polars as pl
import pytest

from perf_pipeline.snapshots import continuity
from perf_pipeline.snapshots.continuity import BEFORE, PROVED, TELLING_MS
from perf_pipeline.snapshots.families import STATEMENTS, TABLES
from perf_pipeline_tests.snapshots.simulator import EPOCH, Entry, statements


def entry(*times: float, **more: object) -> pl.DataFrame:
    """Return an entry that counts these executions."""
    kept = Entry(EPOCH, 1.0)
    for milliseconds in times:
        kept.run(milliseconds)
    return statements(
        [
            {
                "calls": kept.calls,
                "rows": kept.calls,
                "total_exec_time": kept.total,
                "exec_time_squares": kept.squares if times else 0.0,
                "min_exec_time": kept.shortest,
                "max_exec_time": kept.longest,
                **more,
            }
        ]
    )


def beside(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    renamed = before.rename({name: name + BEFORE for name in before.columns})
    return pl.concat([after, renamed], how="horizontal")


def again(before: pl.DataFrame, after: pl.DataFrame, *, only_widen: bool = True) -> bool:
    condition = continuity.began_again(STATEMENTS, extremes_only_widen=only_widen)
    return bool(beside(before, after).select(condition).item())


def same(before: pl.DataFrame, after: pl.DataFrame, *, in_doubt: bool = False) -> bool:
    judged = continuity.with_proof(beside(before, after), STATEMENTS, in_doubt=in_doubt)
    return bool(judged[PROVED].item())


KNOWN = (5.0, 9.5, 7.25)


def test_an_entry_that_goes_on_never_began_again() -> None:
    for more in [(6.0,), (1.0,), (60.0,), (1.0, 60.0), (1.0, 60.0, 6.0, 6.1)]:
        assert not again(entry(*KNOWN), entry(*KNOWN, *more))


@pytest.mark.parametrize(
    "times",
    [
        (5.0, 6.0, 7.0, 8.0),  # the longest fell
        (6.0, 9.5, 7.0, 8.0),  # the shortest rose
        (4.9, 7.0, 7.0, 7.0, 9.6),  # both widened, yet the times lie closer together
    ],
)
def test_extremes_and_deviations_that_narrowed_are_another_entrys(times: tuple[float, ...]) -> None:
    assert again(entry(*KNOWN, 5.0, 9.5), entry(*times))


def test_deviations_do_not_fall_by_rounding() -> None:
    """A thousand times alike: what is left of their deviations is noise."""
    before = entry(*[1e3 + n * 1e-9 for n in range(1_000)])
    after = entry(*[1e3 + n * 1e-9 for n in range(1_001)])
    assert not again(before, after)
    assert not again(after, before.with_columns(calls=1_002), only_widen=False)


@pytest.mark.parametrize("counter", ["total_exec_time", "rows"])
def test_time_or_rows_without_a_call_are_another_entrys(counter: str) -> None:
    more = entry(*KNOWN).with_columns((pl.col(counter) + 1).alias(counter))
    assert again(entry(*KNOWN), more)
    assert not again(entry(*KNOWN), entry(*KNOWN))


def test_extremes_that_can_be_reset_alone_prove_no_other_entry() -> None:
    emptied = entry(*KNOWN, 6.0, min_exec_time=6.0, max_exec_time=6.0)
    assert again(entry(*KNOWN), emptied)
    assert not again(entry(*KNOWN), emptied, only_widen=False)
    assert not again(entry(), entry(6.0))


def test_an_extreme_that_is_kept_proves_the_entry() -> None:
    assert same(entry(*KNOWN), entry(*KNOWN, 60.0, 61.0, 62.0, 63.0), in_doubt=True)
    assert same(entry(*KNOWN), entry(*KNOWN, 4.0, 3.0, 2.0, 1.0), in_doubt=True)


def test_a_short_time_may_recur() -> None:
    known = (0.5 * TELLING_MS, 1.0, 2.0)
    slower = entry(*known, *[3.0 + n for n in range(5)])
    assert same(entry(*known), slower)
    assert not same(entry(*known), slower, in_doubt=True)


def test_few_calls_are_accounted_for() -> None:
    for more in [(60.0,), (1.0, 60.0), (1.0, 60.0, 6.0)]:
        assert same(entry(*KNOWN), entry(*KNOWN, *more), in_doubt=True)
    # as many others would do as well
    assert not same(entry(*KNOWN), entry(*KNOWN, 1.0, 60.0, 6.0, 6.5), in_doubt=True)


@pytest.mark.parametrize(
    "times",
    [
        (1.0, 60.0, 6.0, 7.0),  # instead of three calls more by 1
        (1.0, 60.0, 6.0, 7.0, 8.0),
        (1.0, 60.0, 6.0, 7.0, 8.0, 9.0),
    ],
)
def test_another_entry_is_not_accounted_for(times: tuple[float, ...]) -> None:
    assert not again(entry(*KNOWN), entry(*times))
    assert not same(entry(*KNOWN), entry(*times), in_doubt=True)


def test_what_rounding_hides_proves_nothing() -> None:
    """One call of a nanosecond more beside hours: the sums agree whatever it was."""
    hours = [3.6e6 + n * 1e-6 for n in range(50)]
    before, after = entry(*hours), entry(*hours, 3.6e6 + 51e-6)
    assert not same(before, after.with_columns(min_exec_time=1.0), in_doubt=True)


def test_times_nearly_alike_beside_a_long_one_prove_nothing() -> None:
    """Another of them, a little longer, leaves a remainder a little shorter: all else agrees."""
    other = entry(1e-3, 1.00010001e-3, 1.0002e-3, 0.5)
    assert not same(entry(1.0001e-3), other, in_doubt=True)
    assert not again(entry(1.0001e-3), other)


def test_another_sum_that_stood_still_proves_the_entry() -> None:
    wider = (1.0, 60.0, 6.0, 6.5)
    read = {"blk_read_time": 3.25}
    assert same(entry(*KNOWN, **read), entry(*KNOWN, *wider, **read), in_doubt=True)
    little = {"total_plan_time": 0.25 * TELLING_MS}
    assert same(entry(*KNOWN, **little), entry(*KNOWN, *wider, **little))
    assert not same(entry(*KNOWN, **little), entry(*KNOWN, *wider, **little), in_doubt=True)
    untold = {"blk_read_time": None}
    assert not same(entry(*KNOWN, **untold), entry(*KNOWN, *wider, **untold))


def test_each_row_is_proved_by_itself() -> None:
    pairs = [
        (entry(*KNOWN), entry(*KNOWN, 1.0, 60.0)),
        (entry(*KNOWN), entry(*KNOWN, 1.0, 60.0, 6.0, 6.5)),
        (entry(), entry(6.0)),
        (entry(*KNOWN), entry(*KNOWN, 6.0)),
        (entry(*KNOWN), entry(1.0, 60.0, 6.0, 7.0)),
        (entry(*KNOWN), entry(*KNOWN, 60.0)),
    ]
    rows = pl.concat([beside(before, after) for before, after in pairs])
    judged = continuity.with_proof(rows, STATEMENTS, in_doubt=True)
    assert judged[PROVED].to_list() == [True, False, False, True, False, True]
    assert judged.drop(PROVED).equals(rows)


def test_an_entry_that_never_ran_proves_nothing() -> None:
    assert not same(entry(plans=1), entry(6.0, plans=1))


def test_families_without_extremes_have_nothing_to_tell() -> None:
    assert continuity.columns(TABLES) == ()
    assert continuity.columns(STATEMENTS) == ("min_exec_time", "max_exec_time")
