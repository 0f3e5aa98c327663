"""Is the archive whole? Files that are missing, strange or damaged, and days that overstay."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from perf_pipeline.errors import ArchiveError, ConfigurationError
from perf_pipeline.store import archive, retention
from perf_pipeline.store.engine import Store
from perf_pipeline.store.place import Place
from perf_pipeline.store.retention import Policy


@dataclass(frozen=True)
class Condition:
    """What was found.

    Attributes
    ----------
    missing : tuple of str
        Files the store reads days from that are not there, or have another size.
    strange : tuple of str
        Files the store knows nothing of; nobody reads or deletes them.
    damaged : tuple of str
        Files that do not hold what was written, of those read again this time.
    overdue : tuple of str
        Partitions that should have been archived days ago.
    verified : int
        Files read again this time.

    """

    missing: tuple[str, ...]
    strange: tuple[str, ...]
    damaged: tuple[str, ...]
    overdue: tuple[str, ...]
    verified: int

    @property
    def ok(self) -> bool:
        """Whether every day is where it should be and can be read."""
        return not (self.missing or self.strange or self.damaged or self.overdue)


def compare(
    listed: Mapping[str, int], given_up: frozenset[str], sizes: Mapping[str, int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files that are missing (or of another size), and those that are strange; pure.

    Parameters
    ----------
    listed : Mapping of path to bytes
        What the store reads.
    given_up : frozenset of str
        What it no longer reads and will delete.
    sizes : Mapping of path to bytes
        What is there.

    """
    missing = sorted(path for path, size in listed.items() if sizes.get(path) != size)
    strange = sorted(path for path in sizes if path not in listed and path not in given_up)
    return tuple(missing), tuple(strange)


def check(store: Store, files: Place, policy: Policy, today: date, verify: int = 50) -> Condition:
    """Compare the store's list with what is there, and read some files again.

    Parameters
    ----------
    store : Store
    files : Place
    policy : Policy
    today : date
        UTC.
    verify : int
        Files to read whole and compare with their checksums: those not looked at for longest, so
        that night by night all are.

    """
    rows = store.rows("archive_list")
    live = [row for row in rows if not row["superseded"]]
    # archived partitions of targets lie beside the ledger's days
    parts = store.rows("partition_files")
    missing, strange = compare(
        {row["path"]: row["bytes"] for row in (*live, *parts) if not row["superseded"]},
        frozenset(row["path"] for row in (*rows, *parts) if row["superseded"]),
        files.sizes(),
    )
    there = [row for row in live if row["path"] not in set(missing)][:verify]
    damaged = tuple(path for row in there if (path := _damaged(store, files, row)))
    late = retention.overdue(archive.held(store), policy, today)
    return Condition(missing, strange, damaged, tuple(part.name for part in late), len(there))


def _damaged(store: Store, files: Place, row: Mapping[str, Any]) -> str | None:
    try:
        archive.read_checked(files, row)
    except (ArchiveError, ConfigurationError):
        return str(row["path"])
    store.rows("archive_verified", {"path": row["path"]})
    return None


def summary(store: Store) -> dict[str, Any]:
    """Return what lies where: days, rows and bytes of the store's partitions and of the archive.

    Returns
    -------
    dict
        `hot_days`, `hot_first_day`, `hot_bytes` of daily partitions, `rollup_bytes` of monthly
        ones; `archive_files`, `archive_days`, `archive_first_day`, `archive_last_day`,
        `archive_rows`, `archive_bytes`. First days are None where there is none.

    """
    held = archive.held(store)
    days = {part.start for part in held if part.is_daily}
    (archived,) = store.rows("archive_summary")
    return {
        "hot_days": len(days),
        "hot_first_day": min(days, default=None),
        "hot_bytes": sum(part.bytes for part in held if part.is_daily),
        "rollup_bytes": sum(part.bytes for part in held if not part.is_daily),
        **{f"archive_{name}": value for name, value in archived.items()},
    }
