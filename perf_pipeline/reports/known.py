"""What a report adds to findings: how small a change would be seen, and what people said."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from perf_pipeline.reports import units
from perf_pipeline.reports.model import Blind, Sensitivity, Statement, Verdict
from perf_pipeline.store import Store, frames

#: Rises whose being seen is told, as shares of the execution time.
SIZES: Final = (0.2, 0.5, 1.0)
#: Statements in which no rise up to the first of these would be seen in a day are listed, at most.
EXAMPLES: Final = 10
#: Days before its onset's that a day may tell of a change (as `regressions` does).
TOLD_DAYS: Final = 14
#: Days after which a calibration says too little of a day.
OLDEST: Final = timedelta(days=28)

DETECTABILITY: Final = {
    "as_of": pl.Date(),
    "queryid": pl.Int64(),
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "toplevel": pl.Boolean(),
    "outcome": pl.String(),
    "total_ms": pl.Float64(),
    "smallest_change_day": pl.Float64(),
}


def detectability(
    store: Store, target_id: int, first: date, last: date
) -> Mapping[date, pl.DataFrame]:
    """Return what the calibrations up to some days say of each statement, by the day they end."""
    params = {"target_id": target_id, "first": first, "last": last}
    rows = frames.read(store, "report_detectability", DETECTABILITY, params)
    return {key[0]: part for key, part in rows.partition_by("as_of", as_dict=True).items()}


def newest(found: Mapping[date, pl.DataFrame], day: date) -> pl.DataFrame | None:
    """Return the newest calibration that ends at most on `day`, None without a recent one."""
    known = [as_of for as_of in found if day - OLDEST <= as_of <= day]
    return found[max(known)] if known else None


def sensitivity(rows: pl.DataFrame, texts: Mapping[tuple[int, int, int], Statement]) -> Sensitivity:
    """Return how small a rise would be seen in a day; pure.

    Parameters
    ----------
    rows : polars.DataFrame
        One calibration, columns of `DETECTABILITY`.
    texts : Mapping
        Statements whose text is known.

    """
    whole = float(rows["total_ms"].sort().sum())
    small = rows["smallest_change_day"]

    def share(kept: pl.Series) -> float:
        return float(rows["total_ms"].filter(kept).sort().sum()) / whole if whole else 0.0

    return Sensitivity(
        rows["as_of"][0],
        rows.height,
        tuple((size, share((small <= size).fill_null(value=False))) for size in SIZES),
        tuple(
            Blind(
                _statement(row, texts),
                row["smallest_change_day"],
                row["outcome"],
                row["total_ms"] / whole if whole else 0.0,
            )
            for row in blind(rows).iter_rows(named=True)
        ),
    )


def blind(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the costliest statements in which a rise of the first of `SIZES` would not be seen."""
    unseen = ~(rows["smallest_change_day"] <= SIZES[0]).fill_null(value=False)
    key = ["queryid", "userid", "dbid", "toplevel"]
    return (
        rows.filter(unseen).sort("total_ms", *key, descending=[True] + 4 * [False]).head(EXAMPLES)
    )


def _statement(
    row: Mapping[str, Any], texts: Mapping[tuple[int, int, int], Statement]
) -> Statement:
    text = texts.get((row["queryid"], row["userid"], row["dbid"]))
    return Statement(
        row["queryid"],
        row["userid"],
        row["dbid"],
        row["toplevel"],
        text.text if text else None,
        text.text_length if text else 0,
        text.tags if text else (),
    )


def verdicts(rows: Sequence[Mapping[str, Any]], day: date) -> tuple[Verdict, ...]:
    """Return the changes that a day would tell of had nobody said that they are known; pure.

    Parameters
    ----------
    rows : Sequence of Mapping
        Rows of `report_verdicts.sql`.
    day : date

    """
    return tuple(
        Verdict(
            Statement(
                row["queryid"],
                row["userid"],
                row["dbid"],
                row["toplevel"],
                row["query"],
                row["query_length"],
            ),
            row["verdict"],
            row["given_by"],
            units.naive(row["given_at"]),
            row["reason"],
            row["metric"],
            row["direction"],
            units.naive(row["onset"]),
            row["old_level"],
            row["new_level"],
        )
        for row in rows
        if day - timedelta(days=TOLD_DAYS - 1) <= units.naive(row["onset"]).date() <= day
    )
