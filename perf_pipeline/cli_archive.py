"""`perf-pipeline store status | archive | restore`: what lies where, and moving it."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from perf_pipeline.cli_parts import Day, print_json, say, size

if TYPE_CHECKING:
    from perf_pipeline.store.retention import Held


@click.command("status")
@click.option("--json", "as_json", is_flag=True)
def status(as_json: bool) -> None:
    """Say the store's revision and what lies where; exits with 1 when an upgrade is due."""
    from perf_pipeline.store import Store, archive_check, migrate, place

    url = place.current().url
    with Store() as opened:
        found = migrate.status(opened)
        held = archive_check.summary(opened) if found.up_to_date else {}
    if as_json:
        state = {"current": found.current, "head": found.head, "due": not found.up_to_date}
        print_json({**state, **held, "archive_url": url})
    else:
        due = "" if found.up_to_date else "; run `perf-pipeline store upgrade`"
        say(f"revision {found.current or 'none'}, newest {found.head}{due}")
    if held and not as_json:
        say(
            f"store    {held['hot_days']} days from {held['hot_first_day'] or '-'}, "
            f"{size(held['hot_bytes'])}; rollups {size(held['rollup_bytes'])}"
        )
        say(
            f"archive  {held['archive_days']} days from {held['archive_first_day'] or '-'}, "
            f"{held['archive_files']} files, {size(held['archive_bytes'])}, in {url}"
        )
    sys.exit(0 if found.up_to_date else 1)


@click.command("archive")
@click.option("--before", type=Day(), help="Archive every day before this one; default: by age.")
@click.option("--dry-run", is_flag=True, help="Print what is due and change nothing.")
@click.option("--json", "as_json", is_flag=True)
def archive(before: date | None, dry_run: bool, as_json: bool) -> None:
    """Move closed days into the archive and drop what has expired.

    Exits with 1 when a file did not hold what was written to it; its day stays in the store.
    """
    from perf_pipeline.store import Store, migrate, place, retention
    from perf_pipeline.store import archive as logic

    today, policy = datetime.now(UTC).date(), retention.Policy.from_settings()
    with Store() as opened:
        migrate.require_current(opened)
        if dry_run:
            due = retention.plan(logic.held(opened), policy, today, before)
            _show_due({"archive": due.archive, "drop": due.drop}, as_json)
            return
        done = logic.run(opened, place.current(), policy, today, before)
    if as_json:
        print_json({**vars(done), "moved": [vars(part) for part in done.moved]})
    else:
        rows, left = (sum(getattr(p, n) for p in done.moved) for n in ("rows", "hot_bytes"))
        kept = sum(part.archive_bytes for part in done.moved)
        say(f"archived {len(done.moved)} partitions: {rows} rows, {size(left)} -> {size(kept)}")
        say(f"dropped {len(done.dropped)} expired partitions, gave up {done.expired} files")
        for problem in (*(f"busy, left for the next run: {p}" for p in done.busy), *done.failures):
            say(problem)
    sys.exit(1 if done.failures else 0)


def _show_due(due: Mapping[str, Sequence["Held"]], as_json: bool) -> None:
    if as_json:
        print_json({what: [vars(part) for part in parts] for what, parts in due.items()})
        return
    for what, parts in due.items():
        for part in parts:
            say(f"{what:<8} {part.schema}.{part.name}  {size(part.bytes)}")
    if not any(due.values()):
        say("nothing is due")


@click.command("restore")
@click.option("--target", required=True, help="The target's name.")
@click.option("--day", required=True, type=Day(), help="UTC day, YYYY-MM-DD.")
@click.option("--last", type=Day(), help="Last UTC day; default: that day alone.")
@click.option("--json", "as_json", is_flag=True)
def restore(target: str, day: date, last: date | None, as_json: bool) -> None:
    """Bring archived days of a target back into the store; the next run archives them again."""
    from perf_pipeline.store import Store, migrate, place, samples
    from perf_pipeline.store import archive as logic

    samples.days_of(day, last or day)
    with Store() as opened:
        migrate.require_current(opened)
        number = samples.target_id(opened, target)
        rows = logic.restore(opened, place.current(), number, day, last or day)
    if as_json:
        print_json({"target": target, "first": day, "last": last or day, "rows": rows})
    else:
        say(f"{rows} rows of {target} brought back" if rows else "nothing of it was archived")
