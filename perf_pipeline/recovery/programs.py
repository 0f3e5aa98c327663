"""Run PostgreSQL's own programs for backups: as who may, with no secret in their arguments."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from perf_pipeline import settings
from perf_pipeline.embedded import binaries, cluster, place
from perf_pipeline.embedded.binaries import Binaries
from perf_pipeline.embedded.place import Identity
from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.postgres import connect as pg

#: Where Debian and Red Hat put the programs of a major.
_INSTALLED = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")
#: What works in a folder of backups: whatever else names one, an editor say, is none of ours.
PROGRAMS = frozenset(
    {"postgres", "pg_basebackup", "pg_receivewal", "pg_verifybackup", "pg_dump", "psql"}
)


class ProgramError(PerfPipelineError):
    """One of PostgreSQL's programs failed; the message holds what it said."""


@dataclass(frozen=True)
class Programs:
    """The programs of one major, and the user who runs them."""

    binaries: Binaries
    who: Identity

    def run(
        self,
        name: str,
        *options: str | Path,
        url: str | None = None,
        seconds: float,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run a program to its end.

        Parameters
        ----------
        name : str
            For example `pg_basebackup`.
        *options : str or Path
        url : str, optional
            Connection for it, given through its environment.
        seconds : float
            It is ended after so long.

        Returns
        -------
        str
            What it said.

        Raises
        ------
        ProgramError
            It failed, or took too long.

        """
        with self.start(name, *options, url=url, environment=environment) as process:
            try:
                said, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise ProgramError(
                    f"{name} did not end within {seconds:.0f} s",
                    "see whether the server or the disk is slow; a larger limit is the caller's",
                ) from None
            finally:
                end(process)
        if process.returncode != 0:
            raise ProgramError(
                f"{name} failed with status {process.returncode}: {said.strip()[-1500:]}",
                "mend what it names, and run it again",
            )
        return said

    def start(
        self,
        name: str,
        *options: str | Path,
        url: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a program in a process group of its own."""
        return subprocess.Popen(
            [self.binaries.program(name), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env={**cluster.environment(), **connection(url), **(environment or {})},
            start_new_session=True,
            umask=0o077,
            **self.who.drop(),
        )


def end(process: subprocess.Popen[str]) -> None:
    """End a program and what it started, whatever it does."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def connection(url: str | None) -> dict[str, str]:
    """Return a connection as libpq's variables: arguments are seen by every user of a machine."""
    if url is None:
        return {}
    names = {option.keyword.decode(): option.envvar for option in _options()}
    found = conninfo_to_dict(pg.libpq_url(url))
    chosen = {names.get(key): str(value) for key, value in found.items() if value is not None}
    return {name.decode(): value for name, value in chosen.items() if name}


def _options() -> list[psycopg.pq.ConninfoOption]:
    return psycopg.pq.Conninfo.get_defaults()


def of_major(major: int, folder: Path) -> Programs:
    """Return the programs of a server's own major: a physical copy runs on no other.

    Parameters
    ----------
    major : int
    folder : Path
        Where the copies will lie; who owns data there already runs them.

    Raises
    ------
    ConfigurationError
        This machine has no PostgreSQL of that major.

    """
    candidates = [settings.current().pg_bin, None]
    candidates += [Path(pattern.format(major)) for pattern in _INSTALLED]
    for candidate in candidates:
        if candidate is not None and not (candidate / "postgres").is_file():
            continue
        found = binaries.find(candidate)
        if found.major == major:
            who = place.identity(folder)
            return Programs(place.runnable(found, who), who)
    raise ConfigurationError(
        f"a backup of PostgreSQL {major} is verified and restored by programs of {major}, and this "
        "machine has none",
        f"install PostgreSQL {major} here, or set PERF_PG_BIN to its bin folder",
    )
