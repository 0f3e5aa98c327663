"""The command line: `perf-pipeline report ...`."""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from perf_pipeline.cli_parts import Day, Instant, print_json, say
from perf_pipeline.errors import ConfigurationError


@click.group(invoke_without_command=True)
@click.option("--target", help="The target's name.")
@click.option("--day", type=Day(), help="UTC day, YYYY-MM-DD; default today.")
@click.option(
    "--of",
    "kind",
    type=click.Choice(["day", "week", "month"]),
    default="day",
    show_default=True,
    help="The day, or the week (from Monday) or month that holds it.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
@click.pass_context
def report(
    context: click.Context,
    target: str | None,
    day: date | None,
    kind: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write the report of a day, a week or a month as one self-contained HTML file.

    Exits with 1 when the day holds a warning or a critical finding that nobody has acknowledged,
    or when a regression of the week or month is open at its end. `report compare` compares two
    intervals instead.
    """
    if context.invoked_subcommand is not None:
        return
    missing = [name for name, value in (("--target", target), ("--out", out)) if value is None]
    if target is None or out is None:
        raise click.UsageError(f"Missing option '{missing[0]}'.", context)
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.reports.build import build, latest
    from perf_pipeline.store import Store, migrate

    declared_target(target)
    chosen = day or datetime.now(UTC).date()
    if kind != "day":
        sys.exit(_of_period(target, f"{kind}ly", chosen, out, as_json=as_json))
    with Store() as store:
        migrate.require_current(store)
        found = latest(store, target, chosen)
        if found is None:
            build(store, target, chosen, chosen)
            found = latest(store, target, chosen)
    if found is None:
        raise ConfigurationError(
            f"target {target!r} has no report for {chosen}",
            f"materialize {target}/report/regressions for that day",
        )
    _write(out, found.html)
    if as_json:
        print_json({"target": target, "day": chosen, "path": out, "findings": found.findings})
    else:
        say(f"{out}: {found.findings} findings on {chosen}")
    sys.exit(1 if found.regressions else 0)


def _of_period(target: str, kind: str, day: date, out: Path, *, as_json: bool) -> int:
    from perf_pipeline.reports.period.build import build
    from perf_pipeline.store import Store, migrate

    with Store() as store:
        migrate.require_current(store)
        (made,) = build(store, target, kind, day, day)
    _write(out, made.html)
    figures = {"found": made.found, "resolved": made.resolved, "open": made.open}
    if as_json:
        print_json({"target": target, "kind": kind, "day": made.day, "path": out, **figures})
    else:
        told = ", ".join(f"{count} {name}" for name, count in figures.items())
        say(f"{out}: {told} from {made.day} on")
    return 1 if made.open else 0


@report.command()
@click.option("--target", required=True, help="The target's name.")
@click.option("--from", "before", metavar="A", help="A UTC day, or 2026-11-01..2026-11-07.")
@click.option("--to", "after", metavar="B", help="What is compared with it: a day or a range.")
@click.option(
    "--at", "instant", type=Instant(), help="Instead: the hours before and after, a deploy say."
)
@click.option("--hours", type=float, default=24.0, show_default=True, help="With --at.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="One self-contained HTML file; Markdown when it ends in .md.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all that was compared as JSON.")
def compare(
    target: str,
    before: str | None,
    after: str | None,
    instant: datetime | None,
    hours: float,
    out: Path | None,
    as_json: bool,
) -> None:
    """Compare two days, two ranges of days, or the hours before and after an instant.

    Per statement: calls, time, I/O, rows, WAL; new and gone statements; tables, indexes, the whole
    database; by what it costs a day, and whether it is beyond what is usual.
    """
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.reports.comparison import build, render
    from perf_pipeline.store import Store, migrate

    if instant is not None and before is None and after is None:
        spans = build.around(instant, hours)
    elif instant is None and before is not None and after is not None:
        spans = (build.days(before), build.days(after))
    else:
        raise ConfigurationError(
            "report compare needs --from and --to, or --at",
            "for example: --from 2026-11-20 --to 2026-11-21, or --at 2026-11-21T12:00 --hours 6",
        )
    if out is None and not as_json:
        raise ConfigurationError("report compare needs --out or --json", "for example --out c.html")
    declared_target(target)
    with Store() as store:
        migrate.require_current(store)
        data = build.compare(store, target, *spans)
    if out is not None:
        _write(out, render.markdown(data) if out.suffix == ".md" else render.html(data))
    if as_json:
        print_json({**render.as_dict(data), **({"path": out} if out else {})})
    else:
        say(f"{out}: {render.headline(data)}")


@report.command()
@click.option("--target", required=True, help="The target's name.")
@click.option(
    "--hours",
    type=click.FloatRange(min=0, max=168, min_open=True),
    default=1.0,
    show_default=True,
    help="Of the sweeps of so many hours up to now.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all of them as JSON.")
def slow(target: str, hours: float, as_json: bool) -> None:
    """List the statements that took more than 100 ms per call in the last hour, slowest first.

    Each against its baseline, with what to do first. Ends with 1 when one called more than five
    times at more than a second per call is slower than usual; with 2 when nothing was swept.
    """
    from perf_pipeline.baselines import slow_now
    from perf_pipeline.baselines.slow import Limits
    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.store import Store, migrate

    declared = declared_target(target)
    with Store() as store:
        migrate.require_current(store)
        found = slow_now.look(
            store, target, datetime.now(UTC), timedelta(hours=hours),
            Limits.of(declared.regression_limits),
        )  # fmt: skip
    if found.swept_at is None:
        raise ConfigurationError(
            f"target {target!r} was not swept in the last {hours:g} h", "run the job collect"
        )
    if as_json:
        print_json({"target": target, "swept_at": found.swept_at, "statements": found.rows})
    else:
        for row in found.rows:
            change = "" if row["change"] is None else f" ({row['change']:+.0%})"
            say(f"{row['state']:<11}  {row['mean_ms']:>10,.0f} ms{change}  {row['calls']:,} calls  "
                f"statement {row['queryid']}  {row['action']}")  # fmt: skip
        above = sum(row["mean_ms"] > 1000.0 for row in found.rows)
        say(f"{len(found.rows)} statements above 100 ms per call, {above} above a second, up to "
            f"{found.swept_at:%Y-%m-%d %H:%M} UTC")  # fmt: skip
    sys.exit(1 if found.slower else 0)


def _write(out: Path, text: str) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
