"""What people said of findings, and what follows for the changes that a detector sees.

A change that is expected is the new normal from its onset on; one that is false never was. Both
are told to whoever judges changes and to whoever builds baselines, so the rule is here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import targets
from perf_pipeline.store.engine import Store
from perf_pipeline.store.samples import KEY

#: What can be said of a finding; `cleared` takes back what was said before.
VERDICTS: Final = ("acknowledged", "expected", "false", "cleared")
#: The direction of a change that is accepted as the new normal: neither a rise nor a fall.
ACCEPTED: Final = "accepted"
#: Fewest characters of a name that may stand for it.
LEAST_PREFIX: Final = 4


@dataclass(frozen=True)
class Verdict:
    """The newest word on one finding.

    Attributes
    ----------
    verdict : str
        `acknowledged`, `expected` or `false`.
    whole_incident : bool
        It was said of the whole incident, this finding being one of it.
    onset, given_at : datetime
        Naive UTC.
    tolerance_seconds : float
        A change of the statement in the same direction this near to the onset is this change.
    cause_kind : str or None
        Kind of the likeliest cause when it was said.

    """

    finding_id: str
    incident_id: str
    whole_incident: bool
    verdict: str
    given_by: str
    given_at: datetime
    reason: str
    userid: int
    dbid: int
    queryid: int
    toplevel: bool
    metric: str
    direction: str
    onset: datetime
    tolerance_seconds: float
    old_level: float
    new_level: float
    severity: str
    cause_kind: str | None

    @property
    def key(self) -> tuple[int, int, int, bool]:
        """What identifies the statement."""
        return (self.userid, self.dbid, self.queryid, self.toplevel)

    def is_of(self, key: tuple[int, int, int, bool], direction: str, onset: datetime) -> bool:
        """Return whether a change of a statement is the one that was judged."""
        return (key, direction) == (self.key, self.direction) and abs(
            onset - self.onset
        ).total_seconds() <= self.tolerance_seconds


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def current(store: Store, target_id: int) -> list[Verdict]:
    """Return the newest word on each finding of a target, in order of onset."""
    rows = store.rows("feedback_current", {"target_id": target_id})
    return [
        Verdict(**{**row, "onset": _naive(row["onset"]), "given_at": _naive(row["given_at"])})
        for row in rows
    ]


def give(
    store: Store, target_name: str, prefix: str, verdict: str, *, given_by: str, reason: str
) -> list[Mapping[str, Any]]:
    """Say something of a finding, or of all findings of an incident.

    Parameters
    ----------
    store : Store
    target_name : str
    prefix : str
        Beginning of a finding's or an incident's name.
    verdict : str
        One of `VERDICTS`.
    given_by, reason : str

    Returns
    -------
    list of Mapping
        The findings it was said of: `finding_id`, `incident_id`, `queryid`, `onset`, ...

    Raises
    ------
    InputError
        Nothing, or more than one finding and incident, begins so; or no such verdict.

    """
    if verdict not in VERDICTS:
        raise InputError(f"verdict {verdict!r} is none", f"one of {', '.join(VERDICTS)}")
    target_id = targets.find(store, target_name)
    found, whole = matching(store, target_id, prefix)
    with store.begin() as connection:
        for row in found:
            said = {
                **row,
                "target_id": target_id,
                "whole_incident": whole,
                "verdict": verdict,
                "given_by": given_by,
                "reason": reason,
            }
            connection.execute(sqlfiles.load("store/feedback_give").text, said)
    return found


def matching(
    store: Store, target_id: int | None, prefix: str
) -> tuple[list[Mapping[str, Any]], bool]:
    """Return the findings meant by the beginning of a name, and whether it is an incident's.

    Raises
    ------
    InputError
        The beginning is too short, or nothing or more than one thing begins so.

    """
    if len(prefix) < LEAST_PREFIX:
        raise InputError(
            f"{prefix!r} is too short for a finding", f"give at least {LEAST_PREFIX} characters"
        )
    rows = list(store.rows("feedback_matching", {"target_id": target_id, "prefix": prefix.lower()}))
    chosen = meant(rows, prefix.lower())
    if chosen is None:
        names = sorted({row["finding_id"] for row in rows})
        said = f"means {len(names)} findings: {', '.join(names[:5])}" if names else "is no finding"
        raise InputError(
            f"{prefix!r} {said}", "see `perf-pipeline findings list`, give more of the name"
        )
    return chosen


def meant(
    rows: Sequence[Mapping[str, Any]], prefix: str
) -> tuple[list[Mapping[str, Any]], bool] | None:
    """Return what a beginning means among findings, None when nothing or several; pure."""
    incidents = {r["incident_id"] for r in rows if r["incident_id"].startswith(prefix)}
    findings = [r for r in rows if r["finding_id"].startswith(prefix)]
    if len(findings) == 1 and not incidents:
        return findings, False
    if len(incidents) == 1 and not findings:
        return list(rows), True
    return None


def notes(verdicts: Sequence[Verdict], days: Sequence[date], horizon_days: int) -> list[str]:
    """Say which changes of some days are not told because of feedback, and since when; pure.

    Parameters
    ----------
    verdicts : Sequence of Verdict
    days : Sequence of date
    horizon_days : int
        Days up to the end of a day in which its changes began.

    """
    lines = []
    for day in days:
        end = datetime.combine(day + timedelta(days=1), datetime.min.time())
        for said in verdicts:
            inside = end - timedelta(days=horizon_days) <= said.onset < end
            if said.verdict in {"expected", "false"} and inside:
                late = ", after the day" if said.given_at >= end else ""
                lines.append(
                    f"{day.isoformat()}: {said.finding_id} is not told: {said.verdict}, says"
                    f" {said.given_by} on {said.given_at:%Y-%m-%d %H:%M} UTC{late}"
                )
    return lines


def settled(
    changes: pl.DataFrame, samples: pl.DataFrame, verdicts: Sequence[Verdict]
) -> pl.DataFrame:
    """Apply what was said to changes; pure.

    Parameters
    ----------
    changes : polars.DataFrame
        `series`, `change_ts`, `direction` and more, as `asof.changes` returns them.
    samples : polars.DataFrame
        `series` and `samples.KEY`, as `samples.read_samples` returns them.
    verdicts : Sequence of Verdict

    Returns
    -------
    polars.DataFrame
        The rows in their order, without the changes that are false; the direction of those that
        are expected is `ACCEPTED`.

    """
    told = [v for v in verdicts if v.verdict in {"expected", "false"}]
    if not told or changes.is_empty():
        return changes
    said = pl.DataFrame(
        [(*v.key, v.direction, v.onset, v.tolerance_seconds, v.verdict) for v in told],
        schema={
            **{name: samples.schema[name] for name in KEY},
            "direction": pl.String,
            "_onset": pl.Datetime("us"),
            "_tolerance": pl.Float64,
            "_verdict": pl.String,
        },
        orient="row",
    )
    series = samples.select("series", *KEY).unique().join(said, on=KEY).drop(KEY)
    numbered = changes.with_row_index("_row")
    away = (pl.col("change_ts") - pl.col("_onset")).dt.total_microseconds().abs() / 1e6
    nearest = (
        numbered.select("_row", "series", "change_ts", "direction")
        .join(series, on=["series", "direction"])
        .filter(away <= pl.col("_tolerance"))
        .sort("_row", away, "_onset")
        .unique(subset="_row", keep="first", maintain_order=True)
        .select("_row", "_verdict")
    )
    return (
        numbered.join(nearest, on="_row", how="left", maintain_order="left")
        .filter(pl.col("_verdict").is_null() | (pl.col("_verdict") != "false"))
        .with_columns(
            direction=pl.when(pl.col("_verdict") == "expected")
            .then(pl.lit(ACCEPTED))
            .otherwise("direction")
        )
        .drop("_row", "_verdict")
    )
