"""The command line: `perf-pipeline ...`.

Exit codes: 0 done, 1 a finding or a failed check, 2 bad input or configuration, 3 a server could
not be reached.
"""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from perf_pipeline import (
    __version__,
    cli_advice,
    cli_alerts,
    cli_archive,
    cli_baseline,
    cli_capacity,
    cli_ci,
    cli_events,
    cli_example,
    cli_executions,
    cli_export,
    cli_findings,
    cli_invalidation,
    cli_loadtest,
    cli_partitions,
    cli_recovery,
    cli_report,
    cli_route,
    cli_upkeep,
    cli_views,
)
from perf_pipeline.cli_parts import print_json as _print_json
from perf_pipeline.cli_parts import say as _say
from perf_pipeline.errors import ConfigurationError, PerfPipelineError, UnreachableError

#: A Ctrl-C, as shells report it.
EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="perf-pipeline")
def cli() -> None:
    """Keep PostgreSQL databases fast: snapshots, baselines, explained regressions."""


@cli.command()
@click.option("--quick", is_flag=True, help="At most a minute of load instead of two.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def demo(quick: bool, as_json: bool) -> None:
    """Run the main job on embedded servers, from an empty folder to a regression explained."""
    from perf_pipeline.embedded.demo import run

    summary = run(quick=quick, quiet=as_json)
    if as_json:
        _print_json(summary.as_dict())


@cli.command()
@click.option("--port", default=3000, show_default=True, help="Port of the Dagster UI.")
@click.option("--load/--no-load", default=True, help="Keep a light load on the example systems.")
def dev(port: int, load: bool) -> None:
    """Start embedded servers and the Dagster UI, schedules and sensors on; Ctrl-C stops all."""
    from perf_pipeline.embedded.dev import run

    run(port=port, load=load)


@cli.command()
@click.argument("url", required=False)
@click.option("--target", help="A target of defs/targets, instead of a URL.")
@click.option(
    "--grants", is_flag=True, help="Print the least-privilege role a sweep needs, for psql."
)
@click.option("--json", "as_json", is_flag=True, help="Print the aspects as JSON.")
def doctor(url: str | None, target: str | None, grants: bool, as_json: bool) -> None:
    """Say whether a database can be watched, with a remedy for each failure.

    URL is a connection URL: postgresql://user:password@host:5432/database
    """
    from perf_pipeline.postgres import doctor as examination
    from perf_pipeline.postgres import sqlfiles

    if grants:
        _say(sqlfiles.load("catalog/grants").text.rstrip())
        return
    if (url is None) == (target is None):
        raise ConfigurationError(
            "doctor needs a URL or --target, one of the two",
            "for example: perf-pipeline doctor postgresql://user:password@host:5432/database",
        )
    aspects = examination.examine(url or _target_url(str(target)))
    failed = [aspect for aspect in aspects if aspect.status == "fail"]
    if as_json:
        _print_json([vars(aspect) for aspect in aspects])
    else:
        signs = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
        for aspect in aspects:
            _say(f"{signs[aspect.status]}  {aspect.name:<16}  {aspect.detail}")
            if aspect.remedy:
                _say(f"      {'':<16}  -> {aspect.remedy}")
    sys.exit(1 if failed else 0)


@cli.command(name="targets")
@click.option("--json", "as_json", is_flag=True, help="Print the targets as JSON.")
def list_targets(as_json: bool) -> None:
    """List the declared targets, and say what is wrong with a declaration; contacts no server."""
    from perf_pipeline import settings
    from perf_pipeline.components.catalog import declared_targets

    rows = [
        {
            "name": target.name,
            "url_env": target.url_env,
            "is_set": settings.variable(target.url_env) is not None,
            "embedded_database": target.embedded_database,
            "history_start": target.history_start,
        }
        for target in declared_targets()
    ]
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        url = f"{row['url_env']} is " + ("set" if row["is_set"] else "not set")
        if not row["is_set"] and row["embedded_database"]:
            url += f": the embedded server's {row['embedded_database']}"
        _say(f"{row['name']:<16}  from {row['history_start']}  {url}")


def _target_url(name: str) -> str:
    # Dagster is behind the declarations: a second of import that a plain URL does not need
    from perf_pipeline.components.catalog import declared_target

    return declared_target(name).url()


cli.add_command(cli_report.report)
cli.add_command(cli_loadtest.loadtest)
cli.add_command(cli_loadtest.ab)
cli.add_command(cli_loadtest.capture)
cli.add_command(cli_ci.ci)


@cli.group()
def store() -> None:
    """Our own database: its schema, what lies where, and moving closed days to the archive."""


@store.command("upgrade")
@click.option("--json", "as_json", is_flag=True)
def store_upgrade(as_json: bool) -> None:
    """Apply the migrations that are missing."""
    from perf_pipeline.store import Store, migrate

    with Store() as opened:
        before = migrate.status(opened)
        after = migrate.upgrade(opened)
    result = {"from": before.current, "to": after.current}
    if as_json:
        _print_json(result)
    elif before.current == after.current:
        _say(f"the store is up to date: revision {after.current}")
    else:
        _say(f"upgraded the store from {before.current or 'nothing'} to revision {after.current}")


cli.add_command(cli_alerts.alerts)
cli.add_command(cli_events.event)
cli.add_command(cli_example.example)
cli.add_command(cli_export.export)
cli.add_command(cli_findings.findings)
cli.add_command(cli_views.views)
cli.add_command(cli_advice.advice)
cli.add_command(cli_capacity.capacity)
cli.add_command(cli_recovery.recovery)
cli.add_command(cli_route.route)
cli.add_command(cli_upkeep.upkeep)
store.add_command(cli_archive.status)
store.add_command(cli_archive.archive)
store.add_command(cli_archive.restore)
cli.add_command(cli_baseline.baseline)
cli.add_command(cli_executions.executions)
cli.add_command(cli_partitions.partitions)
cli.add_command(cli_invalidation.invalidation)


@store.command("import")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--target", required=True, help="The target whose history it becomes.")
@click.option("--dry-run", is_flag=True, help="Read everything, say what would be written.")
@click.option("--database", help="Oid or name of the target's database, where there are several.")
@click.option("--server", help="Name or number of its server, where there are several.")
@click.option("--timezone", help="Of times that name none: UTC, Europe/Berlin, ...")
@click.option(
    "--server-version", help="PostgreSQL it comes from, where it does not say: 15 or 15.4."
)
@click.option("--complete", is_flag=True, help="Each snapshot of the files holds every statement.")
@click.option(
    "--repository",
    type=click.Choice(["powa", "pg_profile"]),
    help="Which one, where a database has both.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def store_import(
    sources: tuple[str, ...], target: str, dry_run: bool, as_json: bool, **options: Any
) -> None:
    """Take over history from elsewhere: days with imported sweeps, kept apart from collected ones.

    SOURCE is CSV or Parquet files with snapshots of pg_stat_statements (files, folders, patterns;
    each row with the time of its snapshot), or the URL of a database with a PoWA or pg_profile
    repository. Days with collected sweeps are left alone. Run twice, it changes nothing; killed, it
    goes on where it was.
    """
    from contextlib import closing

    from perf_pipeline.components.catalog import declared_target
    from perf_pipeline.embedded.console import Steps
    from perf_pipeline.imports import opening, words
    from perf_pipeline.imports.run import run as run_import
    from perf_pipeline.store import Store, migrate

    declared = declared_target(target)
    steps = Steps(quiet=as_json)
    with Store() as opened:
        migrate.require_current(opened)
        chosen = opening.options(**{k: v for k, v in options.items() if k != "repository"})
        with closing(
            opening.open_history(sources, chosen, options["repository"], steps)
        ) as history:
            summary = run_import(
                opened,
                target,
                history,
                dry_run=dry_run,
                history_start=declared.history_start,
                progress=steps,
            )
    if as_json:
        _print_json(summary.as_dict())
        return
    for line in words.lines(summary):
        _say(line)


def _fail(message: str, remedy: str, code: int, as_json: bool) -> int:
    if as_json:
        error: Mapping[str, object] = {"error": message, "remedy": remedy, "exit_code": code}
        click.echo(json.dumps(error), err=True)
    else:
        click.echo(f"error: {message}", err=True)
        if remedy:
            click.echo(f"  remedy: {remedy}", err=True)
    return code


def _explained(error: Exception) -> PerfPipelineError | None:
    """Return what to tell of an error that no module of ours foresaw, None for a fault of ours.

    A server may go away between any two statements, a disk may be full at any write.
    """
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return ConfigurationError(
            f"{where}{error.strerror or error}",
            "check the permissions and the free space of that folder (PERF_HOME: ours)",
        )
    # loaded already if the error is one of theirs
    psycopg, sqlalchemy = sys.modules.get("psycopg"), sys.modules.get("sqlalchemy")
    cause: BaseException | None = error
    if sqlalchemy is not None and isinstance(error, sqlalchemy.exc.DBAPIError):
        cause = error.orig
    if psycopg is None or not isinstance(cause, psycopg.Error):
        return None
    said = str(cause).strip().splitlines() or [type(cause).__name__]
    if isinstance(cause, psycopg.OperationalError):
        return UnreachableError(
            f"a PostgreSQL server failed us: {said[0]}",
            "see the server's log (the embedded one: embedded/server.log in PERF_HOME), try again",
        )
    return ConfigurationError(
        f"a PostgreSQL server refused a statement ({cause.sqlstate}): {said[0]}",
        "run `perf-pipeline doctor` on that server, and `perf-pipeline store status`",
    )


def run(command: Callable[..., object], arguments: list[str]) -> int:
    """Run a click command and return the exit code of this module's table.

    Parameters
    ----------
    command : click command
    arguments : list of str
        Without the program's name.

    """
    as_json = "--json" in arguments
    try:
        command(arguments, prog_name="perf-pipeline", standalone_mode=False)
    except PerfPipelineError as error:
        return _fail(error.message, error.remedy, error.exit_code, as_json)
    except click.exceptions.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        if not as_json:
            error.show()
            return 2
        return _fail(error.format_message(), "see --help", 2, as_json)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as error:
        return int(error.code or 0)
    except Exception as error:
        explained = _explained(error)
        if explained is None:
            raise
        return _fail(explained.message, explained.remedy, explained.exit_code, as_json)
    return 0


def main() -> None:
    """Entry point of the `perf-pipeline` program."""
    # a pool reports, with tracebacks, the connections that a Ctrl-C cut off
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    sys.exit(run(cli, sys.argv[1:]))
