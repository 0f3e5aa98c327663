"""Base backups: taken slowly, whole or not at all, listed, and unpacked with a proof."""

import json
import os
import re
import shutil
import tarfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg

from perf_pipeline.errors import ConfigurationError, InputError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.recovery.model import KINDS, Backup, Policy
from perf_pipeline.recovery.programs import Programs

#: Written last into a backup's folder: without it, it is the rest of one that was broken off.
_DONE: Final = "backup.json"
#: A day: at 1 MB/s, the slowest allowed, 86 GB.
_SECONDS: Final = 86_400.0
_SEGMENT: Final = re.compile("[0-9A-F]{24}")
#: Folders of backups and of drills, and what lies in them: a user's disk may hold more than ours.
_NAME: Final = re.compile(r"\d{8}T\d{6}Z")
_DRILL: Final = re.compile(f"drill-(verify|{'|'.join(KINDS)})")
_PARTS: Final = frozenset(
    {_DONE, f".{_DONE}", "files", "base.tar.gz", "pg_wal.tar.gz", "backup_manifest"}
)
_ROOMS: Final = frozenset({"copy", "data", "primary", "standby", "wal"})
_TABLESPACES: Final = "recovery/tablespaces"
_NEEDS: Final = "recovery/needs"
_TOLD: Final = ("major", "bytes", "seconds", "needs", "canary", "superuser")


def take(
    url: str,
    policy: Policy,
    folder: Path,
    programs: Programs,
    *,
    canary: str = "",
    now: datetime | None = None,
) -> Backup:
    """Take a base backup with the WAL it needs, at no more than the policy's rate.

    Parameters
    ----------
    url : str
        A role with REPLICATION that may also log in to a database.
    policy : Policy
    folder : Path
        Of all backups of this target; one the server's user may pass through.
    programs : Programs
        Of the server's major.
    canary : str
        Id of a row that was committed before; kept with the backup.
    now : datetime, optional
        Its name; default: the present.

    Raises
    ------
    ConfigurationError
        The server has tablespaces of its own, or the disk has no room.
    ProgramError
        pg_basebackup failed.

    """
    with psycopg.connect(url, autocommit=True) as session:
        _require_room(session, folder)
        needs: dict[str, str] = dict(session.execute(sqlfiles.load(_NEEDS).text).fetchall())
        superuser = needs.pop("superuser")
    began = time.monotonic()
    name = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    into = folder / name
    try:
        into.mkdir(mode=0o711)
    except FileExistsError:
        raise InputError(
            f"{into} exists: a backup was begun within this second",
            "wait a second, and take it again",
        ) from None
    made = into / "files"
    made.mkdir(mode=0o700)
    own(made, programs)
    options: list[str | Path] = ["-D", made, "--checkpoint=fast", "--wal-method=stream"]
    options += [f"--max-rate={policy.rate_mb}M", "--manifest-checksums=SHA256", "--no-password"]
    if policy.compress:
        options += ["--format=tar", f"--compress={policy.compress}"]
    try:
        programs.run("pg_basebackup", *options, url=url, seconds=_SECONDS)
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    for found in list(made.iterdir()):
        if policy.compress:  # beside the mark, where `Backup` looks
            found.rename(into / found.name)
    backup = Backup(
        name,
        into,
        programs.binaries.major,
        _bytes(into),
        round(time.monotonic() - began, 3),
        needs,
        canary,
        superuser,
    )
    told = {each: getattr(backup, each) for each in _TOLD}
    fresh = into / f".{_DONE}"
    with fresh.open("w") as file:
        json.dump(told, file)
        file.flush()
        os.fsync(file.fileno())  # a mark without its words would stop every later backup
    fresh.rename(into / _DONE)
    return backup


def listed(folder: Path) -> list[Backup]:
    """Return the complete backups of a folder, the newest first.

    Raises
    ------
    InputError
        What a backup says of itself cannot be read.

    """
    found = []
    for mark in folder.glob(f"*/{_DONE}"):
        if not _NAME.fullmatch(mark.parent.name):
            continue
        try:
            told = json.loads(mark.read_text())
            found.append(Backup(mark.parent.name, mark.parent, **told))
        except (OSError, TypeError, ValueError) as error:
            raise InputError(
                f"{mark} cannot be read: {error}",
                "move its folder elsewhere, or remove it if another backup is there",
            ) from error
    return sorted(found, key=lambda backup: backup.name, reverse=True)


def expired(backups: Sequence[Backup], keep: int, made: str = "") -> list[Backup]:
    """Return the backups beyond the newest `keep`; pure.

    Parameters
    ----------
    made : str
        The one that was made just now: kept whatever its name, for a clock that was wrong before
        may have named another one after a day to come.

    """
    order = sorted(backups, key=lambda backup: (backup.name == made, backup.name), reverse=True)
    return order[keep:]


def remove(backup: Backup) -> None:
    """Remove a backup; its mark goes first, so that half of one is never taken for a whole."""
    (backup.folder / _DONE).unlink(missing_ok=True)
    shutil.rmtree(backup.folder)


def broken(folder: Path) -> list[Path]:
    """Return what broken-off backups and drills left in a folder, and nothing that is not ours."""
    return sorted(path for path in folder.glob("*") if is_ours(path) and not _is_whole(path))


def is_ours(path: Path) -> bool:
    """Return whether a folder is named as one of ours and holds nothing that we do not make."""
    named = _NAME.fullmatch(path.name)
    if (named or _DRILL.fullmatch(path.name)) is None or path.is_symlink() or not path.is_dir():
        return False
    try:
        return (_PARTS if named else _ROOMS).issuperset(each.name for each in path.iterdir())
    except PermissionError:  # another user's, then
        return False


def _is_whole(path: Path) -> bool:
    return _NAME.fullmatch(path.name) is not None and (path / _DONE).is_file()


def unpack(backup: Backup, data: Path, programs: Programs) -> None:
    """Make a data directory of a backup, and prove it against the backup's own manifest.

    Raises
    ------
    ProgramError
        A file differs from what the server read, is missing or too many; WAL is missing.

    """
    data.mkdir(mode=0o700)
    if backup.packed:
        with tarfile.open(backup.folder / "base.tar.gz") as archive:
            archive.extractall(data, filter="tar")
        with tarfile.open(backup.folder / "pg_wal.tar.gz") as archive:
            archive.extractall(data / "pg_wal", filter="tar")
        shutil.copy(backup.folder / "backup_manifest", data / "backup_manifest")
    else:
        shutil.copytree(backup.folder / "files", data, dirs_exist_ok=True, symlinks=True)
    own(data, programs, whole=True)
    programs.run("pg_verifybackup", "--quiet", data, seconds=_SECONDS)


def last_segment(backup: Backup, folder: Path) -> None:
    """Put the last full WAL segment of a backup into a folder; a receiver goes on behind it.

    The end of a backup switches to a new segment. What was received of that one already, while
    others wrote, is no full segment.
    """
    packed = backup.packed
    manifest = backup.folder / ("backup_manifest" if packed else "files/backup_manifest")
    (*_, span) = json.loads(manifest.read_text())["WAL-Ranges"]
    if packed:
        with tarfile.open(backup.folder / "pg_wal.tar.gz") as archive:
            size = max(each.size for each in archive if _SEGMENT.fullmatch(each.name))
            name = segment(span["Timeline"], span["End-LSN"], size)
            archive.extract(name, folder, filter="data")
    else:
        wal = backup.folder / "files" / "pg_wal"
        size = max(each.stat().st_size for each in wal.iterdir() if _SEGMENT.fullmatch(each.name))
        name = segment(span["Timeline"], span["End-LSN"], size)
        shutil.copy(wal / name, folder / name)


def segment(timeline: int, end_lsn: str, size: int) -> str:
    """Return the name of the WAL segment that holds the byte before a position; pure.

    Parameters
    ----------
    timeline : int
    end_lsn : str
        As PostgreSQL writes it, `0/17000120`.
    size : int
        Bytes of a segment.

    """
    high, low = (int(part, 16) for part in end_lsn.split("/"))
    number = ((high << 32) + low - 1) // size
    each = (1 << 32) // size
    return f"{timeline:08X}{number // each:08X}{number % each:08X}"


def own(path: Path, programs: Programs, *, whole: bool = False) -> None:
    """Give a folder to the user who runs the programs, where that is not us."""
    who = programs.who
    if who.uid is None or who.gid is None:
        return
    os.chown(path, who.uid, who.gid)
    for parent, folders, files in os.walk(path) if whole else ():
        for name in (*folders, *files):
            os.chown(Path(parent) / name, who.uid, who.gid, follow_symlinks=False)


def _require_room(session: psycopg.Connection, folder: Path) -> None:
    row = session.execute(sqlfiles.load(_TABLESPACES).text).fetchone()
    names, size = row if row is not None else ([], 0)
    if names:
        raise ConfigurationError(
            f"the server has tablespaces of its own ({', '.join(names)}): a copy would write "
            "where they lie",
            "back this server up by pgBackRest or Barman, which map them",
        )
    free = shutil.disk_usage(folder).free
    # the backup, and one copy of it that a drill runs
    if free < 2 * size:
        raise ConfigurationError(
            f"{folder} has {free / 1e9:.1f} GB free; the server's {size / 1e9:.1f} GB need twice "
            "as much, for a backup and the copy that proves it",
            "free some, or set `recovery: folder:` to another disk",
        )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
