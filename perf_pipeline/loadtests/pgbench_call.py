"""How pgbench is called: its arguments, its environment, and what it needs of the machine."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import run
from typing import Final, Literal
from urllib.parse import unquote

import psycopg

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import connect

Protocol = Literal["simple", "extended", "prepared"]

LOG_PREFIX: Final = "pgbench"
#: Files that pgbench has open beside its sessions.
_FILES: Final = 64
#: A variable of libpq for every connection parameter we hand on; none of them is on argv.
_ENVIRONMENT = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}


@dataclass(frozen=True)
class Script:
    """One weighted pgbench script."""

    name: str
    path: Path
    weight: int


def validate(
    chosen: Sequence[Script], duration_s: int, clients: int, threads: int, rate: float | None
) -> None:
    """Refuse numbers that cannot be meant.

    Raises
    ------
    ConfigurationError
        No script, or a number is too small.

    """
    if not chosen:
        raise ConfigurationError("no load script given", "name at least one script")
    for name, value in (("duration_s", duration_s), ("clients", clients), ("threads", threads)):
        if value < 1:
            raise ConfigurationError(f"{name}={value} is too small", "use at least 1")
    if rate is not None and rate <= 0:
        raise ConfigurationError(f"rate={rate} is not positive", "use transactions per second")


def command(
    pgbench: Path,
    chosen: Sequence[Script],
    log_dir: Path,
    duration_s: int,
    clients: int,
    threads: int,
    rate: float | None,
    protocol: Protocol,
) -> list[str]:
    """Return pgbench and its arguments, without variables."""
    words = [str(pgbench), "--no-vacuum", f"--protocol={protocol}", f"--time={duration_s}"]
    words += [f"--client={clients}", f"--jobs={threads}"]
    words += ["--log", f"--log-prefix={log_dir / LOG_PREFIX}"]
    words += [f"--file={script.path}@{script.weight}" for script in chosen]
    if rate is not None:
        words.append(f"--rate={rate:g}")
    if major(pgbench) >= 15:
        words.append("--failures-detailed")
    return words


def environment(url: str, application_name: str, *, pooled: bool = False) -> dict[str, str]:
    """Return our environment with libpq's variables for this database, and no others of its.

    Parameters
    ----------
    url : str
    application_name : str
    pooled : bool
        A pooler answers there: it lends sessions, and takes no settings for them.

    Raises
    ------
    ConfigurationError
        The URL has a parameter that pgbench cannot be given.

    """
    parameters = psycopg.conninfo.conninfo_to_dict(connect.libpq_url(url))
    unknown = (
        set(parameters) - set(_ENVIRONMENT) - {"options", "application_name", "connect_timeout"}
    )
    if unknown:
        raise ConfigurationError(
            f"connection parameter {sorted(unknown)[0]!r} cannot be handed to pgbench",
            f"use only {', '.join(sorted(_ENVIRONMENT))}",
        )
    limits = settings.current()
    options = (
        f"-c statement_timeout={limits.statement_timeout_ms} "
        f"-c lock_timeout={limits.statement_timeout_ms} -c timezone=UTC"
    )
    found = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    found |= {
        _ENVIRONMENT[name]: unquote(str(value)) if name == "host" else str(value)
        for name, value in parameters.items()
        if name in _ENVIRONMENT
    }
    found |= {"PGAPPNAME": application_name, "PGCONNECT_TIMEOUT": str(limits.connect_timeout_s)}
    if not pooled:
        found["PGOPTIONS"] = f"{parameters.get('options') or ''} {options}".strip()
    return found


@cache
def major(pgbench: Path) -> int:
    """Return the major version of a pgbench; 0: it cannot be started, which its start will tell."""
    try:
        told = run([str(pgbench), "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    words = told.split()
    return int(words[2].split(".")[0]) if len(words) > 2 and words[2][:1].isdigit() else 0


def make_room(clients: int) -> None:
    """Let this process and its children have a file open for each session.

    Raises
    ------
    ConfigurationError
        The machine does not allow so many.

    """
    if sys.platform == "win32":
        return  # sessions are no files there
    import resource

    needed = clients + _FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ConfigurationError(
            f"{clients} sessions need {needed} open files, and this machine allows {hard}",
            f"raise the hard limit (`ulimit -Hn {needed}`), or use fewer sessions",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
