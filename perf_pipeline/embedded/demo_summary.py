"""What the demo says at its end: the regression it caused, found, sized and explained."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from perf_pipeline.embedded.console import Steps
from perf_pipeline.embedded.demo_systems import Shown
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.reports import build as reports
from perf_pipeline.reports import files
from perf_pipeline.snapshots.record import SweepRecord
from perf_pipeline.store import Store
from perf_pipeline.store import targets as store_targets


class NothingFoundError(PerfPipelineError):
    """The demo's own regression was not found: a fault that must show."""

    exit_code = 1


@dataclass(frozen=True)
class Facts:
    """What the demo did; times are aware, in UTC; `day` is the last whose findings were made."""

    began: datetime
    day: date
    dropped_at: datetime
    dropped_index: str
    records: tuple[SweepRecord, ...]
    backfilled_days: int
    others: tuple[Shown, ...]
    seconds: float


@dataclass(frozen=True)
class Summary:
    """What the demo found; times in UTC, levels in ms per call, `factor` is new / old."""

    statement: str
    queryid: int
    onset: datetime
    dropped_at: datetime
    old_level: float
    new_level: float
    factor: float
    factor_low: float
    factor_high: float
    p_value: float
    severity: str
    made_of: str
    cause: str
    cause_is_the_dropped_index: bool
    other_regressions: int
    sweeps: int
    sweep_ms: float
    backfilled_days: int
    others: tuple[Shown, ...]
    report: Path
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for JSON."""
        return asdict(self)


def summarize(store: Store, target: str, folder: Path, facts: Facts) -> Summary:
    """Read what was found since the demo began and write the report's file.

    Parameters
    ----------
    store : Store
    target : str
    folder : pathlib.Path
        Where the HTML goes.
    facts : Facts

    Raises
    ------
    NothingFoundError
        No regression began with this demo's dropped index.

    """
    found = store.rows(
        "demo_findings",
        {
            "target_id": store_targets.register(store, target),
            "day": facts.day,
            # the onset is the first interval of the new level, which may have begun before the drop
            "since": facts.dropped_at - timedelta(seconds=1),
        },
    )
    report = reports.latest(store, target, facts.day)
    if not found or report is None:
        raise NothingFoundError(
            f"the demo dropped {facts.dropped_index} on {facts.dropped_at:%F} and no regression "
            "was found",
            "please report this with the file server.log of the embedded server",
        )
    path = files.write(folder, target, report.day, report.html)
    return _summary(found[0], len(found) - 1, facts, path)


def _summary(row: Mapping[str, Any], others: int, facts: Facts, path: Path) -> Summary:
    causes = row["causes"] if isinstance(row["causes"], list) else json.loads(row["causes"])
    first = causes[0] if causes else {}
    return Summary(
        statement=" ".join(row["query"].split()),
        queryid=row["queryid"],
        onset=row["onset"],
        dropped_at=facts.dropped_at,
        old_level=row["old_level"],
        new_level=row["new_level"],
        factor=1 + row["relative_change"],
        factor_low=1 + row["relative_change_low"],
        factor_high=1 + row["relative_change_high"],
        p_value=row["p_value"],
        severity=row["severity"],
        made_of=row["made_of"] or "not known",
        cause=f"{first.get('kind', 'unknown').replace('_', ' ')} {first.get('object', '')}".strip(),
        cause_is_the_dropped_index=first.get("object", "").endswith(
            facts.dropped_index.split(".")[-1]
        ),
        other_regressions=others,
        sweeps=len(facts.records),
        sweep_ms=median(record.duration_ms for record in facts.records),
        backfilled_days=facts.backfilled_days,
        others=facts.others,
        report=path,
        seconds=facts.seconds,
    )


def show(steps: Steps, summary: Summary) -> None:
    """Print the summary for people."""
    statement = summary.statement
    if len(statement) > 150:
        statement = statement[:147] + "..."
    others = (
        f"{summary.other_regressions} smaller ones" if summary.other_regressions else "no other"
    )
    lines = [
        "",
        f"{summary.severity.upper()} regression found and explained",
        f"  statement  {statement}",
        f"             queryid {summary.queryid}",
        f"  since      {summary.onset:%Y-%m-%d %H:%M:%S} UTC",
        f"  size       {summary.factor:.1f} x slower (90 % interval "
        f"{summary.factor_low:.1f}-{summary.factor_high:.1f}): "
        f"{summary.old_level:.3g} ms -> {summary.new_level:.3g} ms per call, "
        f"p {summary.p_value:.1g}",
        f"  made of    {summary.made_of}",
        f"  cause      {summary.cause} (dropped at {summary.dropped_at:%H:%M:%S})",
        f"  besides    {others}; {summary.sweeps} sweeps, {summary.sweep_ms:.0f} ms each"
        + (
            f"; {summary.backfilled_days} days of generated history backfilled in one run"
            if summary.backfilled_days
            else ""
        ),
        f"  report     {summary.report}",
        "",
        "the other example systems, under load of their own",
        *(f"  {other.line()}" for other in summary.others),
        "",
        f"done in {summary.seconds:.0f} s. See it all in the Dagster UI: make dev",
    ]
    for line in lines:
        steps.say(line)
