"""The data directory: made by initdb whole or not at all, checked, its password replaced."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from perf_pipeline.embedded.binaries import Binaries
from perf_pipeline.embedded.place import Identity
from perf_pipeline.errors import ConfigurationError, ServerStartError

#: The one role of a new cluster, a superuser: the server is ours and private.
USER = "postgres"

#: Seconds initdb may take (1 s on an idle machine).
INITDB_SECONDS = 120.0

#: First major with the built-in C.UTF-8 collation (code point order, Unicode upper and lower case).
_BUILTIN_LOCALE = 17


def environment() -> dict[str, str]:
    """Return the environment of the server's programs: ours holds secrets and PG* variables."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    return {"LC_ALL": "C", "TZ": "UTC", **{k: os.environ[k] for k in kept if k in os.environ}}


def initialise(data: Path, binaries: Binaries, who: Identity, password: str) -> None:
    """Make a data directory: UTF-8, code point order, password asked of every role.

    initdb works in a folder beside it, renamed when complete, so that a killed one leaves nothing
    that looks like data. Its own fsync is left out (`-N`): the first checkpoint syncs what changes.

    Raises
    ------
    ServerStartError
        initdb failed or took longer than `INITDB_SECONDS`; the message holds what it said.

    """
    for rest in data.parent.glob(".initdb-*"):
        shutil.rmtree(rest, ignore_errors=True)
    holder = data.parent / f".initdb-{secrets.token_hex(4)}"
    try:
        holder.mkdir(mode=0o700)
        (holder / "password").touch(mode=0o600)
        (holder / "password").write_text(password + "\n")
        if who.uid is not None and who.gid is not None:
            os.chown(holder / "password", who.uid, who.gid)
            os.chown(holder, who.uid, who.gid)
        locale = ["--locale=C"]
        if binaries.major >= _BUILTIN_LOCALE:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command: list[str | Path] = [
            *(binaries.program("initdb"), "-N", "-D", holder / "data", "-U", USER, "-E", "UTF8"),
            *(*locale, "--auth=scram-sha-256", f"--pwfile={holder / 'password'}"),
        ]
        status, said = _run(command, who, INITDB_SECONDS)
        if status != 0:
            raise ServerStartError(
                f"initdb failed with status {status} in {data.parent}:\n{said[-2000:]}",
                "free disk space, or set PERF_HOME to another folder, and start again",
            )
        (holder / "data").rename(data)
    except OSError as error:
        raise ServerStartError(
            f"the data directory {data} cannot be made: {error}",
            "set PERF_HOME to a folder that you may write, on a disk with free space",
        ) from error
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _run(
    command: list[str | Path], who: Identity, seconds: float, given: str = ""
) -> tuple[int, str]:
    """Run a program in its own process group; end the whole group on a timeout or a Ctrl-C."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=environment(),
        start_new_session=True,
        umask=0o077,
        **who.drop(),
    ) as process:
        try:
            said, _ = process.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired:
            return -1, f"{Path(command[0]).name} did not end within {seconds:.0f} s"
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return process.returncode, said


def check(data: Path, binaries: Binaries, who: Identity) -> None:
    """Raise unless the data directory was made by this major version for this user.

    Raises
    ------
    ConfigurationError
        Another major made it, or it belongs to another user.
    ServerStartError
        It is no data directory.

    """
    try:
        made_by = (data / "PG_VERSION").read_text().strip()
        if not (data / "global" / "pg_control").is_file():
            raise FileNotFoundError(f"{data}/global/pg_control is missing")
    except OSError as error:
        raise ServerStartError(
            f"{data} is not a complete PostgreSQL data directory: {error}",
            f"move {data} away (or remove it, if nothing in it matters) and start again",
        ) from error
    uid = os.geteuid() if who.uid is None else who.uid
    if data.stat().st_uid != uid:
        raise ConfigurationError(
            f"{data} belongs to user id {data.stat().st_uid}, the server would run as {uid}",
            "run as the user who made it, or set PERF_HOME to another folder",
        )
    if made_by != str(binaries.major):
        raise ConfigurationError(
            f"{data} was made by PostgreSQL {made_by}, the programs in {binaries.bin} "
            f"are {binaries.major}",
            f"set PERF_PG_BIN to the bin folder of a PostgreSQL {made_by}, set PERF_HOME to "
            f"another folder, or move {data} away to begin anew",
        )


def set_password(data: Path, binaries: Binaries, who: Identity, password: str) -> None:
    """Give the superuser a new password while the server is down (single-user mode).

    Raises
    ------
    ServerStartError
        PostgreSQL refused; the message holds what it said.

    """
    if not password.isalnum():
        raise ValueError("the password is ours: letters and digits")
    command: list[str | Path] = [
        *(binaries.program("postgres"), "--single", "-D", data),
        *("-c", "password_encryption=scram-sha-256", "postgres"),
    ]
    status, said = _run(command, who, 60, f"ALTER ROLE {USER} PASSWORD '{password}'\n")
    if status != 0 or "ERROR" in said or "FATAL" in said:
        raise ServerStartError(
            f"the embedded server's password is lost and could not be replaced:\n{said[-2000:]}",
            f"move {data} away to begin anew",
        )
