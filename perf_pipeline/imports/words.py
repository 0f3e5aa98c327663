"""What people are told about an import. Pure."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date

from perf_pipeline.imports.model import Action, DaySummary, Summary
from perf_pipeline.imports.plan import spans

#: In this order; what is said of the days with which it happened.
ACTIONS: Mapping[Action, str] = {
    "import": "imported",
    "there": "in the ledger already",
    "collected": "left alone: they have collected sweeps, which win",
    "generated": "left alone: they have generated example history",
    "rolled_up": "left alone: their intervals have left the store (archive, retention)",
    "unfinished": "left alone: today is not over, the collector may still sweep it",
}


def lines(summary: Summary) -> Iterator[str]:
    """Yield what an import did, or would do, line by line."""
    yield f"{summary.source} -> target {summary.target}"
    for action, said in ACTIONS.items():
        days = summary.of(action)
        if not days:
            continue
        if summary.dry_run and action == "import":
            said = "would be imported"
        yield f"  {_spans(days)}: {said}"
        if action == "import":
            yield (
                f"    {sum(day.intervals for day in days):,} intervals,"
                f" {sum(day.rows for day in days):,} rows,"
                f" {summary.statements:,} statements, {summary.texts:,} texts"
            )
            overlapping = sum(day.overlapping for day in days)
            if overlapping:
                yield f"    {overlapping:,} intervals left out: their time is in the ledger already"
    if summary.qualities:
        total = sum(summary.qualities.values())
        shares = (f"{rows / total:.1%} {name}" for name, rows in summary.qualities.items())
        yield f"  quality: {', '.join(shares)}"
    if not summary.days:
        yield "  no snapshots"
    for note in summary.notes:
        yield f"  note: {note}"
    for hint in summary.hints:
        yield f"  next: {hint}"


def _spans(days: Collection[DaySummary]) -> str:
    found = spans([day.day for day in days])
    shown = [f"{a}" if a == b else f"{a} to {b}" for a, b in found[:5]]
    more = f" and {len(found) - 5} more spans" if len(found) > 5 else ""
    count = "1 day" if len(days) == 1 else f"{len(days)} days"
    return f"{count} ({', '.join(shown)}{more})"


def version_note(majors: Collection[int], collected: int | None) -> str | None:
    """Say that query ids of the history and of the target's own sweeps do not compare.

    Parameters
    ----------
    majors : Collection of int
        PostgreSQL majors of the history.
    collected : int or None
        Major of the target's newest collected sweep.

    """
    others = sorted(major for major in majors if major != collected)
    if collected is None or not others:
        return None
    return (
        f"it comes from PostgreSQL {', '.join(map(str, others))}, the target runs {collected}: a"
        " statement's id differs between majors, so baselines start anew with the upgrade"
    )


def hints(target: str, first: date, last: date, history_start: date | None) -> tuple[str, ...]:
    """Say what to do after days were imported.

    Parameters
    ----------
    target : str
    first, last : date
        Imported days.
    history_start : date or None
        Where the target's daily assets begin; None: not known.

    """
    found = []
    if history_start is not None and history_start > first:
        found.append(
            f'set history_start: "{first}" (now "{history_start}") in the YAML of {target} and'
            " reload the code location, so that its daily assets begin there"
        )
    found.append(
        f"backfill {target}/rollup/statements_hourly, baseline/statements, report/findings and"
        f" report/regressions for {first} to {last}, in one run; the sensor daily_reports_due does"
        " so by itself for the last 62 days"
    )
    return tuple(found)
