"""The rows of the guardian example: patients, how their facts hang together, the audit (pure).

Most relationships are whole; known shares lead from or to nothing, to an archived record, or are of
an undeclared kind. Load scripts find patients by arithmetic: patient `i` (1-based) has the id
`md5('patient i')`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import polars as pl

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples.guardian_facts import SCHEMA, Facts, Patients, facts
from perf_pipeline.examples.thorbis_kit import (
    DAY_US,
    Chunk,
    Ints,
    days_of,
    moments,
    uuids,
    words,
)

__all__ = ["ORPHANS", "RELATIONSHIP_TYPES", "Size", "chunks", "patient_ids"]

#: Bumped when the same parameters give other rows.
DATA_VERSION = 1
#: Kind, tables it may lead from, tables it may lead to, in use.
RELATIONSHIP_TYPES = (
    ("treats", "patient_medications", "patient_conditions", True),
    ("supports", "patient_lab_results", "patient_conditions", True),
    ("mentions", "documents", "patient_medications", True),
    ("replaced", "patient_medications", "patient_medications", False),
)
#: Share of relationships by what is wrong with them, whatever becomes of their ends.
ORPHANS = {
    "missing_target": 0.01,
    "missing_source": 0.005,
    "missing_both": 0.002,
    "undeclared_type": 0.002,
}
_ARCHIVED_LINKS = 0.03
_STAGES = ("read", "extract", "review")
_OPERATIONS = {"UPDATE": 0.55, "INSERT": 0.3, "READ": 0.1, "ARCHIVE": 0.05}
_AUDITED = ("patient_medications", "patient_conditions", "documents")
YEAR_DAYS = 365.25
#: Rows of the largest tables built at once.
_CHUNK_PATIENTS, _CHUNK_AUDIT = 5_000, 200_000


@dataclass(frozen=True)
class Size:
    """How much data: patients (about 70 rows each), and audit rows over some years.

    Raises
    ------
    ConfigurationError
        Fewer than 10 patients, no audit row, or less than a year.

    """

    patients: int = 1_000
    audit_rows: int = 200_000
    years: int = 7

    def __post_init__(self) -> None:
        for name, least in (("patients", 10), ("audit_rows", 1), ("years", 1)):
            value = getattr(self, name)
            if value < least:
                raise ConfigurationError(f"{name}={value} is too small", f"use at least {least}")

    def variables(self) -> dict[str, int]:
        """Return what the load scripts need to pick ids (`pgbench -D`)."""
        return {"patients": self.patients}

    def parameters(self, seed: int) -> dict[str, int]:
        """Return what identifies the content, together with the reference time."""
        return {**asdict(self), "seed": seed, "data_version": DATA_VERSION}


def patient_ids(begin: int, end: int) -> pl.Series:
    """Return the ids of patients `begin` to before `end`, 1-based, as hexadecimal text."""
    return pl.Series(
        [
            hashlib.md5(f"patient {number}".encode(), usedforsecurity=False).hexdigest()
            for number in range(begin, end)
        ],
        dtype=pl.String,
    )


def chunks(size: Size, seed: int, now: datetime) -> Iterator[Chunk]:
    """Yield the rows of every table: some patients at a time, then the audit by time.

    Parameters
    ----------
    size : Size
    seed : int
        Same size, seed and `now`: same rows.
    now : datetime
        Naive UTC; facts lie within the 360 days before, the audit within `size.years`.

    Yields
    ------
    dict of (schema, table) to polars.DataFrame
        Columns named as in the table; parents before their children.

    """
    now_us = int((now - datetime(1970, 1, 1)).total_seconds()) * 1_000_000
    yield {(SCHEMA, "relationship_types"): _types()}
    records: dict[str, pl.Series] = {}
    for part, begin in enumerate(range(1, size.patients + 1, _CHUNK_PATIENTS)):
        rng = np.random.default_rng([seed, 1, part])
        ids = patient_ids(begin, min(begin + _CHUNK_PATIENTS, size.patients + 1))
        found = facts(Patients(ids, begin, now_us), rng)
        yield {
            **found.chunk,
            (SCHEMA, "document_processing_stages"): _stages(found, rng, now_us),
            (SCHEMA, "medical_data_relationships"): _relationships(found, rng),
        }
        records = {table: found.chunk[SCHEMA, table]["id"] for table in _AUDITED}
    rng = np.random.default_rng([seed, 2])
    # the practice grew: more changes lately than seven years ago
    age = rng.random(size.audit_rows) ** 1.5 * size.years * YEAR_DAYS * DAY_US
    changed = np.sort(now_us - age.astype(np.int64))
    for part, begin in enumerate(range(0, size.audit_rows, _CHUNK_AUDIT)):
        rng = np.random.default_rng([seed, 3, part])
        yield {
            (SCHEMA, "audit_log"): _audit(
                rng, changed[begin : begin + _CHUNK_AUDIT], records, size.patients
            )
        }


def _types() -> pl.DataFrame:
    kind, source, target, active = zip(*RELATIONSHIP_TYPES, strict=True)
    return pl.DataFrame(
        {
            "relationship_type": kind,
            "valid_source_tables": [f"{{{name}}}" for name in source],
            "valid_target_tables": [f"{{{name}}}" for name in target],
            "is_active": active,
        }
    )


def _relationships(found: Facts, rng: np.random.Generator) -> pl.DataFrame:
    """Link each medication, value and document to another fact of its patient; break some links."""
    whole = pl.concat(
        [
            _links(found, rng, kind, source, target)
            for kind, source, target, active in RELATIONSHIP_TYPES
            if active
        ]
    )
    n = whole.height
    fate = rng.random(n)
    bounds = np.concatenate([[0.0], np.cumsum(list(ORPHANS.values()))])
    wrong = {
        name: pl.Series((fate >= bounds[place]) & (fate < bounds[place + 1]))
        for place, name in enumerate(ORPHANS)
    }
    nothing = pl.DataFrame({"source": uuids(rng, n), "target": uuids(rng, n)})
    sure = np.round(rng.beta(6, 2, n), 3)
    return whole.with_columns(
        id=uuids(rng, n),
        relationship_type=pl.when(wrong["undeclared_type"])
        .then(pl.lit("suspected"))
        .otherwise("relationship_type"),
        source_id=pl.when(wrong["missing_source"] | wrong["missing_both"])
        .then(nothing["source"])
        .otherwise("source_id"),
        target_id=pl.when(wrong["missing_target"] | wrong["missing_both"])
        .then(nothing["target"])
        .otherwise("target_id"),
        confidence_score=pl.Series(sure),
        requires_review=pl.Series(sure < 0.45),
        archived=pl.Series(rng.random(n) < _ARCHIVED_LINKS),
        updated_at=pl.col("created_at"),
    )


def _links(
    found: Facts, rng: np.random.Generator, kind: str, source: str, target: str
) -> pl.DataFrame:
    """Return a row per fact of `source`, to one of the same patient's in `target`."""
    rows, owner = found.chunk[SCHEMA, source], found.owner[source]
    chosen = found.one_of(target, owner, rng)
    return pl.DataFrame(
        {
            "patient_id": found.patients.ids.gather(owner),
            "relationship_type": pl.repeat(kind, rows.height, eager=True),
            "source_table": pl.repeat(source, rows.height, eager=True),
            "source_id": rows["id"],
            "target_table": pl.repeat(target, rows.height, eager=True),
            "target_id": found.chunk[SCHEMA, target]["id"].gather(chosen),
            "created_at": rows["created_at"],
        }
    )


def _stages(found: Facts, rng: np.random.Generator, now_us: int) -> pl.DataFrame:
    """Return three stages a document; of the newest the later ones are still to come."""
    documents = found.chunk[SCHEMA, "documents"]
    n = documents.height
    row, number = np.repeat(np.arange(n), len(_STAGES)), np.tile(np.arange(len(_STAGES)), n)
    arrived = documents["created_at"].to_physical().to_numpy()[row]
    start = arrived + number * 600_000_000
    end = start + (rng.lognormal(4.0, 0.8, len(row)) * 1_000_000).astype(np.int64)
    begun, ended = start <= now_us, end <= now_us
    failed = ended & (rng.random(len(row)) < 0.02)
    return pl.DataFrame(
        {
            "id": uuids(rng, len(row)),
            "document_id": documents["id"].gather(row),
            "stage": words(_STAGES, number),
            "status": words(
                ["pending", "running", "done", "failed"],
                begun.astype(np.int64) + ended + failed,
            ),
            "started_at": moments(start, begun),
            "completed_at": moments(end, ended),
            "processing_date": days_of(arrived),
        }
    )


def _audit(
    rng: np.random.Generator, changed: Ints, records: dict[str, pl.Series], patients: int
) -> pl.DataFrame:
    n = len(changed)
    table = rng.integers(0, len(_AUDITED), n)
    pick = rng.random(n)
    record = pl.concat(
        [records[name] for name in _AUDITED],
    )
    sizes = np.array([len(records[name]) for name in _AUDITED])
    offset = np.cumsum(sizes) - sizes
    chosen = offset[table] + (pick * sizes[table]).astype(np.int64)
    operation = np.searchsorted(np.cumsum(list(_OPERATIONS.values()))[:-1], rng.random(n))
    # a hundred members of staff, who are users too
    staff = patient_ids(1, min(patients, 100) + 1)
    return pl.DataFrame(
        {
            "id": uuids(rng, n),
            "table_name": words(_AUDITED, table),
            "record_id": record.gather(chosen),
            "operation": words(list(_OPERATIONS), operation),
            "reason": words([f"{name}_change" for name in _AUDITED], table),
            "changed_by": staff.gather(rng.integers(0, len(staff), n)),
            "changed_at": moments(changed),
            "audit_date": days_of(changed),
        }
    )
