"""pg_partman 4.7 of Debian's package in a PostgreSQL 15 of its own; nothing is installed."""

import shutil
import subprocess
from pathlib import Path

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline_tests.servers import fetch

PACKAGE = "postgresql-15-partman"


class NoPeerError(Exception):
    """pg_partman cannot be had here; says why."""


def server_with_partman(folder: Path) -> Path:
    """Return the `bin` folder of a PostgreSQL 15 that has pg_partman.

    Parameters
    ----------
    folder : pathlib.Path
        Empty; takes the server's files.

    Raises
    ------
    NoPeerError
        There is no apt-get or dpkg, or a package cannot be fetched.

    """
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise NoPeerError(f"{program} is not here: pg_partman is taken from Debian's package")
    try:
        server = fetch.ensure(15).parent
    except PerfPipelineError as error:
        raise NoPeerError(error.message) from error
    copy = folder / "pg15"
    shutil.copytree(server, copy, symlinks=True)
    download = folder / "package"
    download.mkdir()
    for call in (["apt-get", "download", PACKAGE],):
        done = subprocess.run(call, cwd=download, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoPeerError(f"{PACKAGE} cannot be downloaded: {done.stderr.strip()[:200]}")
    (package,) = download.glob("*.deb")
    subprocess.run(["dpkg", "-x", package, download], check=True, capture_output=True)
    extension = next(copy.rglob("pg_stat_statements.control")).parent
    for file in download.rglob("extension/pg_partman*"):
        shutil.copy(file, extension)
    return copy / "bin"
