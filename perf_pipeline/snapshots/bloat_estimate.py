"""How many pages a table or btree index would need, from statistics of its columns. Pure.

The layout is that of the server's documentation ("Database Page Layout", "B-Tree Implementation")
and of its source (`htup_details.h`, `itup.h`, `nbtree.h`, `nbtdedup.c`). Sizes of columns are means
of a sample, so that a result is an estimate and says so; pgstattuple measures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

Column = Mapping[str, Any]  # a row of bloat.sql

#: Bytes of a page's header, of one line pointer, of a tuple's fixed header (`htup_details.h`), of
#: an index entry's (`itup.h`), of a btree page's own data (`nbtree.h`), and the unit that whole
#: tuples are padded to on 64-bit machines.
_PAGE_HEADER: Final = 24
_POINTER: Final = 4
_TUPLE_HEADER: Final = 23
_ENTRY_HEADER: Final = 8
_ENTRY_NULLS: Final = 4
_BTREE_PAGE: Final = 16
_MAXALIGN: Final = 8

#: Bytes of `pg_type.typalign`.
_ALIGNMENT: Final = {"c": 1, "s": 2, "i": 4, "d": 8}
#: A value of variable length up to this size has a header of one byte and is not aligned.
_SHORT: Final = 127

#: The server's defaults.
TABLE_FILLFACTOR: Final = 100
INDEX_FILLFACTOR: Final = 90
#: Inner pages of a new btree are filled to this share (BTREE_NONLEAF_FILLFACTOR).
_INNER_FILL: Final = 0.70
#: Equal keys share one entry of at most this share of a page; each row takes 6 bytes of it.
_POSTING_SHARE: Final = 0.10
_ROW_ADDRESS: Final = 6

#: What `estimates` returns.
ESTIMATE: Final = {"relid": pl.Int64(), "needed_pages": pl.Int64()}


@dataclass
class _Size:
    """Expected bytes; while every part so far has one size, padding is known, later its mean is."""

    size: float
    is_fixed: bool = True

    def pad(self, unit: int) -> None:
        """Pad to a multiple of the unit."""
        if self.is_fixed:
            self.size = math.ceil(self.size / unit) * unit
        else:
            self.size += (unit - 1) / 2

    def add(self, column: Column) -> None:
        """Add a column's mean size with the padding before it."""
        present = 1.0 - column["null_frac"]
        unit = _ALIGNMENT[column["alignment"]]
        if column["length"] < 0:
            self.is_fixed = False
            if column["avg_width"] <= _SHORT:
                unit = 1
        elif column["null_frac"] > 0.0:
            self.is_fixed = False
        before = self.size
        self.pad(unit)
        self.size = before + present * (self.size - before + column["avg_width"])


def estimates(columns: pl.DataFrame) -> pl.DataFrame:
    """Return how many pages each relation would need if it were written anew.

    Parameters
    ----------
    columns : polars.DataFrame
        Rows of `bloat.sql`: one per relation and column.

    Returns
    -------
    polars.DataFrame
        `relid`, `needed_pages`, sorted by relid; only relations that were analyzed and all of whose
        columns have statistics that could be read. Dropped columns, line pointers of removed rows
        and values of a table's own alignment are not known: within about a tenth of what
        pgstattuple finds for tables of usual columns. Of an index over several columns the number
        of different keys is not known, and taken as large as it can be.

    """
    found = [
        {"relid": relid, "needed_pages": _pages(rows)}
        for (relid,), part in columns.sort("relid", "position").group_by(
            "relid", maintain_order=True
        )
        if _is_known(rows := part.to_dicts())
    ]
    return pl.DataFrame(found, schema=ESTIMATE)


def _is_known(rows: Sequence[Column]) -> bool:
    first = rows[0]
    return (
        first["kind"] != "toast"
        and first["reltuples"] >= 0
        and all(row["avg_width"] is not None for row in rows)
    )


def _pages(rows: Sequence[Column]) -> int:
    return _index_pages(rows) if rows[0]["kind"] == "index" else _table_pages(rows)


def _table_pages(rows: Sequence[Column]) -> int:
    first = rows[0]
    nullable = any(row["null_frac"] > 0.0 for row in rows)
    # the bitmap has a bit for dropped columns, too
    bitmap = math.ceil(rows[-1]["position"] / 8) if nullable else 0
    size = _Size(_padded(_TUPLE_HEADER + bitmap))
    for row in rows:
        size.add(row)
    size.pad(_MAXALIGN)
    kept_free = first["block_bytes"] * (1 - (first["fillfactor"] or TABLE_FILLFACTOR) / 100)
    usable = first["block_bytes"] - _PAGE_HEADER - kept_free
    pages: int = math.ceil(first["reltuples"] / _per_page(usable, size))
    return pages


def _index_pages(rows: Sequence[Column]) -> int:
    first = rows[0]
    tuples: float = first["reltuples"]
    nullable = any(row["null_frac"] > 0.0 for row in rows)
    size = _Size(_padded(_ENTRY_HEADER + (_ENTRY_NULLS if nullable else 0)))
    for row in rows:
        size.add(row)
    size.pad(_MAXALIGN)
    block: int = first["block_bytes"]
    room = block - _PAGE_HEADER - _BTREE_PAGE
    usable = room - block * (1 - (first["fillfactor"] or INDEX_FILLFACTOR) / 100)
    keys = _different_keys(rows) if first["shares_entries"] else tuples
    if keys < tuples:
        rows_of_key = tuples / keys
        in_entry = max(1.0, (_POSTING_SHARE * block - _POINTER - size.size) // _ROW_ADDRESS)
        entries = math.ceil(rows_of_key / in_entry)
        bytes_of_key = entries * (size.size + _POINTER) + rows_of_key * _ROW_ADDRESS
        leaves = math.ceil(keys * bytes_of_key / usable)
    else:
        leaves = math.ceil(tuples / _per_page(usable, size))
    children = max(2.0, _INNER_FILL * room / (size.size + _POINTER))
    return 1 + leaves + math.ceil(leaves / (children - 1))


def _different_keys(rows: Sequence[Column]) -> float:
    """Return the most different keys there can be; a negative `n_distinct` is a share of rows."""
    tuples: float = max(1.0, rows[0]["reltuples"])
    keys = 1.0
    for row in rows:
        distinct: float = row["n_distinct"]
        keys *= max(1.0, distinct if distinct > 0 else -distinct * tuples)
    return min(keys, tuples)


def _padded(size: int) -> int:
    return -(-size // _MAXALIGN) * _MAXALIGN


def _per_page(usable: float, size: _Size) -> float:
    """Return how many tuples fit: of tuples of many sizes half a mean one is left free."""
    fit = usable / (size.size + _POINTER)
    return max(1.0, math.floor(fit) if size.is_fixed else fit - 0.5)
