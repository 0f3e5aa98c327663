"""Statements that go to and fro between levels: a plan that flips, not a regression a day; pure."""

from datetime import timedelta

import polars as pl

#: More alternating changes than this within so many days are one note.
MOST_CHANGES = 3
SPAN_DAYS = 30
#: A level is one of those before when it is no farther above the highest than the least change.
KNOWN_LEVEL = 1.1


def with_flips(changes: pl.DataFrame) -> pl.DataFrame:
    """Tell which changes are one more flip between levels that are known.

    Parameters
    ----------
    changes : polars.DataFrame
        `as_of`, `series`, `change_ts`, `direction` (`up`, `down`; anything else interrupts),
        `old_level`, `new_level`; sorted by the first three.

    Returns
    -------
    polars.DataFrame
        The rows with `flips` i64: the changes of the run of alternating ones that each ends, within
        `SPAN_DAYS` up to the end of the as-of day, where these are more than `MOST_CHANGES` and it
        leads to no level above those of the run; else 0. And `flips_since`: the run's first change.

    """
    by = ["as_of", "series"]
    end = pl.col("as_of").cast(pl.Datetime("us")) + timedelta(days=1)
    recent = pl.col("change_ts") >= end - timedelta(days=SPAN_DAYS)
    moves = pl.col("direction").is_in(["up", "down"])
    goes_on = (
        recent
        & recent.shift(1).over(by)
        & moves
        & moves.shift(1).over(by)
        & (pl.col("direction") != pl.col("direction").shift(1).over(by))
    )
    run = [*by, "_run"]
    highest = pl.max_horizontal("old_level", "new_level").cum_max().shift(1).over(run)
    flips = (
        (pl.col("_nth") > MOST_CHANGES)
        & moves
        & (pl.col("new_level") <= KNOWN_LEVEL * pl.col("_highest"))
    )
    return (
        changes.with_columns(_run=(~goes_on.fill_null(value=False)).cum_sum().over(by))
        .with_columns(
            _nth=pl.col("change_ts").cum_count().over(run).cast(pl.Int64),
            _highest=highest,
            flips_since=pl.col("change_ts").first().over(run),
        )
        .with_columns(flips=pl.when(flips).then("_nth").otherwise(0))
        .drop("_run", "_nth", "_highest")
    )
