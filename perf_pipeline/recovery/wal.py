"""Whether a server's WAL would suffice for a recovery to any moment; pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

#: Described for menuca (M-49): two replicas and a backup at a time; 32 segments of 16 MB.
WAL_SENDERS: Final = 3
WAL_KEEP_BYTES: Final = 512 << 20
#: A commit older than this must be in the archive: a third of the 15 minutes of M-50.
ARCHIVE_LAG: Final = timedelta(minutes=5)


def lacks(row: Mapping[str, Any]) -> list[str]:
    """Return what is missing for recovery to a moment, each with what to set.

    Parameters
    ----------
    row : Mapping
        Of `recovery/wal.sql`.

    """
    found = []
    if row["wal_level"] == "minimal":
        found.append("wal_level is minimal: set wal_level = replica and restart")
    if row["archive_mode"] == "off":
        found.append(
            "archive_mode is off: only the moment of the last backup can be recovered; "
            "set archive_mode = on and an archive_command or archive_library, and restart"
        )
    if row["max_wal_senders"] < WAL_SENDERS:
        found.append(
            f"max_wal_senders is {row['max_wal_senders']}: set at least {WAL_SENDERS} "
            "(standbys, and a backup beside them), and restart"
        )
    if row["wal_keep_bytes"] < WAL_KEEP_BYTES:
        found.append(
            f"wal_keep_size is {row['wal_keep_bytes'] >> 20} MB: a standby that was away a moment "
            f"needs a new copy; set wal_keep_size = {WAL_KEEP_BYTES >> 20}MB"
        )
    failed, archived = row["last_failed_time"], row["last_archived_time"]
    if failed is not None and (archived is None or failed > archived):
        found.append(
            f"archiving fails, last on {failed:%Y-%m-%d %H:%M} UTC with {row['last_failed_wal']}, "
            f"{_since(archived)}; {row['waiting']} files wait, pg_wal holds "
            f"{row['wal_bytes'] >> 20} MB and grows until it succeeds: make room in the archive, "
            "or see the server's log for what its archive command said"
        )
    elif archived is not None and row["now"] - archived > ARCHIVE_LAG:
        found.append(
            f"the last segment was archived {row['now'] - archived} ago: set archive_timeout so "
            f"that a quiet server archives every {ARCHIVE_LAG}, or see its log"
        )
    return found


def _since(archived: datetime | None) -> str:
    return (
        f"nothing since {archived:%Y-%m-%d %H:%M} UTC" if archived is not None else "nothing ever"
    )
