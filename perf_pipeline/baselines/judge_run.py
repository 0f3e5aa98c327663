"""The verdict on one execution of a load test; pure.

A change counts when it is larger than the threshold *and* outside what runs vary by. It is compared
with the rolling baseline and with an anchor that does not move (MANUAL, else INITIAL), so that a
drift of small steps cannot hide. One run cannot tell a bad machine from a regression: it is
suspected, and only a re-run that agrees makes it a regression. What was not measured is never good.
"""

from collections.abc import Sequence

from perf_pipeline.baselines import run_machine, run_work
from perf_pipeline.baselines.run_model import (
    ERRORS,
    METRICS,
    REQUIRED,
    RESOURCES,
    WORK,
    Baseline,
    Comparison,
    Outcome,
    Run,
    State,
    Verdict,
)
from perf_pipeline.baselines.run_noise import DECIMALS, ERROR_P, HISTORY, more_failures, outside

__all__ = [
    "ERRORS",
    "HISTORY",
    "METRICS",
    "REQUIRED",
    "Baseline",
    "Comparison",
    "Outcome",
    "Run",
    "State",
    "Verdict",
    "compared",
    "judge",
    "more_failures",
    "settle",
]


def compared(baselines: Sequence[Baseline]) -> list[Baseline]:
    """Return the baselines that count: ROLLING, and the anchor, MANUAL before INITIAL."""
    by_type = {each.baseline_type: each for each in baselines}
    anchor = by_type.get("MANUAL", by_type.get("INITIAL"))
    return [each for each in (by_type.get("ROLLING"), anchor) if each is not None]


def judge(run: Run, baselines: Sequence[Baseline], history: Sequence[Run] = ()) -> Verdict:
    """Compare an execution with its baselines.

    Parameters
    ----------
    run : Run
    baselines : sequence of Baseline
        The active ones of its test, target, environment and major version.
    history : sequence of Run
        Earlier good runs of the same, oldest first; the last ten count.

    Returns
    -------
    Verdict
        NO_DATA when the run did not complete or lacks a number, NO_BASELINE when there is nothing
        to compare with, SUSPECTED when something counts as worse, else OK. Never REGRESSED: see
        `settle`.

    """
    if not run.completed:
        return Verdict(State.NO_DATA, Outcome.NO_DATA, (), "the execution did not complete")
    used = compared(baselines)
    earlier = [each for each in history if each.has_data][-HISTORY:]
    rows = tuple(
        row
        for base in used
        for row in (
            *(_compare(metric, run, base, earlier) for metric in METRICS),
            *_work(run, base),
        )
    )
    missing = [metric for metric in REQUIRED if run.value(metric) is None]
    missing += [
        row.metric
        for row in rows
        if row.metric not in REQUIRED
        and row.outcome is Outcome.NO_DATA
        and row.baseline is not None
    ]
    missing = list(dict.fromkeys(missing))
    bad = [row for row in rows if row.counts]
    lost = tuple(missing)
    known = run_machine.remark(run, used[0].level if used else None)
    more = f"; {known}" if known else ""
    if bad:
        said = f"{'; '.join(map(_said, bad))}{more}"
        return Verdict(State.SUSPECTED, _gravest(bad), rows, said, lost)
    if missing:
        return Verdict(
            State.NO_DATA, Outcome.NO_DATA, rows, f"not measured: {', '.join(lost)}", lost
        )
    lacking = [row.metric for row in rows if row.metric in REQUIRED and row.baseline is None]
    if not used or lacking:
        said = f"the baseline lacks {', '.join(lacking)}" if lacking else "no baseline yet"
        return Verdict(State.NO_BASELINE, Outcome.NO_BASELINE, rows, f"{said}{more}")
    said = f"within thresholds, or within what runs vary by{more}"
    return Verdict(State.OK, Outcome.OK, rows, said)


def settle(first: Verdict, rerun: Verdict | None) -> Verdict:
    """Decide a suspected execution by its re-run.

    Parameters
    ----------
    first : Verdict
        Of the execution.
    rerun : Verdict, optional
        Of the same test, run again; None: not yet.

    Returns
    -------
    Verdict
        REGRESSED when the re-run is worse in one of the same metrics, as grave as both say;
        OK when the re-run had data and is not; still SUSPECTED without a re-run that says
        anything. An execution that is not suspected stays what it is.

    """
    if first.state is not State.SUSPECTED or rerun is None:
        return first
    agreed = first.suspects & rerun.suspects
    if agreed:
        both = (
            _gravest([row for row in each.comparisons if row.counts and row.metric in agreed])
            for each in (first, rerun)
        )
        return Verdict(
            State.REGRESSED,
            Outcome.CRITICAL if set(both) == {Outcome.CRITICAL} else Outcome.WARNING,
            first.comparisons,
            f"{first.reason}; another run agrees in {', '.join(sorted(agreed))}",
            first.missing,
        )
    if rerun.missing or rerun.state in {State.NO_DATA, State.NO_BASELINE}:
        return first
    said = f"not confirmed by a re-run: {first.reason}"
    if first.missing:
        return Verdict(State.NO_DATA, Outcome.NO_DATA, first.comparisons, said, first.missing)
    return Verdict(State.OK, Outcome.OK, first.comparisons, said)


def _gravest(rows: Sequence[Comparison]) -> Outcome:
    critical = any(row.outcome is Outcome.CRITICAL for row in rows)
    return Outcome.CRITICAL if critical else Outcome.WARNING


def _said(row: Comparison) -> str:
    change = row.change or 0.0
    if row.metric == WORK:
        return (
            f"{row.current:,.1f} blocks a call, not {row.baseline:,.1f}, in {row.what}"
            f" against {row.baseline_type}"
        )
    unit = " points" if METRICS[row.metric][1] else " %"
    return f"{row.metric} {change:+.1f}{unit} against {row.baseline_type}"


def _compare(metric: str, run: Run, base: Baseline, earlier: Sequence[Run]) -> Comparison:
    more_is_worse, points, name = METRICS[metric]
    threshold = float(getattr(base.thresholds, name))
    current, normal = run.value(metric), base.level.value(metric)
    if current is None or normal is None:
        outcome = Outcome.NO_DATA if current is None else Outcome.NO_BASELINE
        return Comparison(
            metric,
            base.baseline_type,
            current,
            normal,
            None,
            threshold,
            outcome,
            None,
            base.baseline_id,
        )
    times = 1.0
    if not points:
        times = run_machine.slower(metric, run, base.level) * run_machine.larger(run, base.level)
    counted = current / times if more_is_worse else current * times
    change = counted - normal if points else 100.0 * (counted / normal - 1.0)
    worse = change if more_is_worse else -change
    outcome = _grade(worse, threshold)
    if outcome is Outcome.CRITICAL and metric in RESOURCES:
        outcome = Outcome.WARNING
    proven = None
    if outcome is not Outcome.OK:
        proven = (
            more_failures(run, base.level) <= ERROR_P
            if metric == ERRORS
            else outside(metric, counted, normal, base, earlier)
        )
    if proven and metric in RESOURCES:
        # who else is busy on the machine is no matter of the system
        proven = run_machine.slower(metric, run, base.level) <= run_machine.BUSY
    return Comparison(
        metric,
        base.baseline_type,
        current,
        normal,
        change,
        threshold,
        outcome,
        proven,
        base.baseline_id,
        slower=times if times > 1.0 else None,
    )


def _work(run: Run, base: Baseline) -> list[Comparison]:
    """Compare the blocks that statements touched, of tests that decide."""
    if not base.work or run.reference is None:
        return []
    lacking = Comparison(WORK, base.baseline_type, None, 0.0, None, run_work.THRESHOLD,
                         Outcome.NO_DATA, None, base.baseline_id)  # fmt: skip
    if run.work is None:
        return [lacking]
    larger = run_machine.larger(run, base.level)
    found = [
        run_work.grown(run.work, [work for work, _ in base.work], larger),
        run_work.of_all(run.work, run.transactions or 0, base.work, larger),
    ]
    return [
        Comparison(
            WORK,
            base.baseline_type,
            each.current,
            each.normal,
            each.change,
            run_work.THRESHOLD,
            _grade(each.change, run_work.THRESHOLD),
            each.proven,
            base.baseline_id,
            what=each.what,
            slower=larger if larger > 1.0 else None,
        )
        for each in found
        if each is not None
    ]


def _grade(worse: float, threshold: float) -> Outcome:
    if round(worse, DECIMALS) <= threshold:
        return Outcome.OK
    return Outcome.CRITICAL if round(worse, DECIMALS) > 2 * threshold else Outcome.WARNING
