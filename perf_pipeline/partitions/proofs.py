"""The store's side: which partitions of a target lie in the archive, and how far keys have come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from perf_pipeline.errors import ArchiveError
from perf_pipeline.partitions import forecast
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store


@dataclass(frozen=True)
class Proof:
    """One partition that lies in the archive.

    Attributes
    ----------
    relation : int
        Oid of the table it was read from, or into which it was restored.
    bounds : str
        As PostgreSQL writes them.
    content_hash : str
        Sum of the hashes of all rows as the server writes them as text.
    columns : list of [name, type]
        In their order when it was archived.
    files : list of dict
        `path`, `rows`, `checksum`, `bytes`; each was read back and compared.
    held : bool
        It was restored and its time is not over.

    """

    archive_id: int
    parent: str
    schema_name: str
    name: str
    relation: int
    bounds: str
    row_count: int
    content_hash: str
    columns: list[list[str]]
    files: list[dict[str, Any]]
    bytes: int
    archived_at: datetime
    dropped_at: datetime | None
    restored_at: datetime | None
    held: bool


def of_target(store: Store, target: str, *, dropped: bool = False) -> list[Proof]:
    """Return the proofs in force of a target, oldest first.

    Parameters
    ----------
    store : Store
    target : str
    dropped : bool
        Also those of partitions that were dropped.

    """
    rows = store.rows("partition_proofs", {"target": target, "dropped": dropped})
    return [Proof(**row) for row in rows]


def keep(store: Store, target: str, values: Mapping[str, Any]) -> int:
    """Commit a proof and return its number; an earlier one of the same table gives way."""
    wrapped = {
        name: Jsonb(value) if name in {"columns", "files"} else value
        for name, value in values.items()
    }
    wrapped["target"] = target
    with store.begin() as connection:
        connection.execute(sqlfiles.load("store/partition_supersede").text, wrapped)
        row = connection.execute(sqlfiles.load("store/partition_prove").text, wrapped).fetchone()
    if row is None:  # pragma: no cover - an INSERT ... RETURNING has a row
        raise ArchiveError("the store kept no proof")
    return int(row[0])


def note_dropped(store: Store, archive_id: int) -> None:
    """Note that its table is gone."""
    store.rows("partition_dropped", {"archive_id": archive_id})


def note_restored(store: Store, archive_id: int, relation: int, hold: timedelta) -> None:
    """Note that it is back as another table, and how long it shall stay."""
    values = {"archive_id": archive_id, "relation": relation, "hold": hold}
    store.rows("partition_restored", values)


def observe(store: Store, target: str, parent: str, position: int) -> None:
    """Note how far a key has come."""
    store.rows("partition_observe", {"target": target, "parent": parent, "position": position})


def rates(store: Store, target: str) -> dict[str, float]:
    """Return how many values a day each parent uses up, where that is known."""
    seen: dict[str, list[tuple[datetime, int]]] = {}
    for row in store.rows("partition_positions", {"target": target}):
        seen.setdefault(row["parent"], []).append((row["observed_at"], row["position"]))
    found = {parent: forecast.rate(rows) for parent, rows in seen.items()}
    return {parent: rate for parent, rate in found.items() if rate is not None}


def by_parent(proofs: Sequence[Proof]) -> dict[str, list[Proof]]:
    """Return proofs by their parent."""
    found: dict[str, list[Proof]] = {}
    for proof in proofs:
        found.setdefault(proof.parent, []).append(proof)
    return found
