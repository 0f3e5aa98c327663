"""`perf-pipeline recovery ...`: base backups, and drills of what is promised."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perf_pipeline.cli_parts import print_json, say, size
from perf_pipeline.recovery.model import KINDS

if TYPE_CHECKING:
    from perf_pipeline.postgres.target import Target
    from perf_pipeline.recovery.model import Policy

_TARGET = click.option("--target", required=True, help="The target's name.")
_FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where its backups lie; default as declared.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group("recovery")
def recovery() -> None:
    """Back a target up, and prove with copies what is promised of its recovery."""


def _policy(target: str, folder: Path | None) -> "tuple[Target, Policy]":
    from perf_pipeline.components.catalog import declared_recovery
    from perf_pipeline.recovery.run import with_folder

    found, policy = declared_recovery(target)
    return found, with_folder(policy, folder)


@recovery.command("backup")
@_TARGET
@_FOLDER
@_JSON
def backup(target: str, folder: Path | None, as_json: bool) -> None:
    """Take a base backup, prove it by its manifest, remove what is beyond those kept."""
    from perf_pipeline.recovery import run
    from perf_pipeline.store import Store, migrate

    found, policy = _policy(target, folder)
    with Store() as store:
        migrate.require_current(store)
        made = run.take_backup(store, found, policy)
    if as_json:
        print_json({"name": made.name, "folder": made.folder, "bytes": made.bytes})
    else:
        say(f"{made.name}: {size(made.bytes)} in {made.seconds:.1f} s, {made.folder}")


@recovery.command("drill")
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS))
@_TARGET
@_FOLDER
@_JSON
def drill(kinds: Sequence[str], target: str, folder: Path | None, as_json: bool) -> None:
    """Drill recovery with copies: all that is declared, or KINDS. The server goes on serving.

    Exits with 1 when something was lost or took longer than promised.
    """
    from perf_pipeline.errors import PerfPipelineError
    from perf_pipeline.recovery import run
    from perf_pipeline.store import Store, migrate

    found, policy = _policy(target, folder)
    chosen = [kind for kind in policy.kinds if kind in (kinds or policy.kinds)]
    done = []
    with Store() as store:
        migrate.require_current(store)
        for kind in chosen:
            try:
                result = run.drill(store, found, policy, kind)
            except PerfPipelineError as error:  # one that cannot be done hides no other
                click.echo(f"{kind}: not done: {error.message}\n  remedy: {error.remedy}", err=True)
                continue
            done.append(result)
            if not as_json:
                verdict = "met" if result.met else "MISSED"
                say(
                    f"{kind}: {verdict}, {result.seconds:.1f} s of {result.goal_s:.0f} promised; "
                    f"{'; '.join(result.lost) or result.proof}"
                )
    if as_json:
        print_json([{**vars(each), "met": each.met} for each in done])
    sys.exit(0 if len(done) == len(chosen) and all(each.met for each in done) else 1)


@recovery.command("status")
@_TARGET
@_FOLDER
@_JSON
def status(target: str, folder: Path | None, as_json: bool) -> None:
    """Say which backups there are, what was drilled, and which promise nothing proves.

    Also what the server's WAL lacks: archiving that fails, above all. Exits with 1 when there is
    such a promise or lack.
    """
    from perf_pipeline.recovery import run
    from perf_pipeline.store import Store, migrate

    found, policy = _policy(target, folder)
    with Store() as store:
        migrate.require_current(store)
        made = run.status(store, found, policy)
    if as_json:
        print_json(made)
    else:
        for each in made["backups"]:
            say(f"backup {each['name']}: {size(each['bytes'])}, taken in {each['seconds']:.1f} s")
        for each in made["drills"]:
            took = "" if each["seconds"] is None else f", {each['seconds']:.1f} s"
            say(f"{each['kind']}: {each['outcome']} on {each['at']:%Y-%m-%d %H:%M}{took}")
        for kind, why in made["unproven"].items():
            say(f"NOT PROVED {kind}: {why}")
        for lack in made["wal"]:
            say(f"WAL: {lack}")
        if made["not_asked"]:
            say(f"WAL: not known: {made['not_asked']}")
    sys.exit(1 if made["unproven"] or made["wal"] or made["not_asked"] else 0)
