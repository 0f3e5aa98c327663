"""The guardian example system, healthcare: what it is made of and how to fill it."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import psycopg

from perf_pipeline.examples import fill
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.guardian_data import YEAR_DAYS, Size, chunks
from perf_pipeline.examples.guardian_facts import FACT_DAYS
from perf_pipeline.examples.thorbis_kit import Chunk
from perf_pipeline.postgres import sqlfiles

SYSTEM = "guardian"
SHARDS = 10

#: Every table of data, what is referred to first. The cache and the looks at it stay
#: empty: they hold what follows from the others.
TABLES: tuple[tuple[str, str], ...] = (
    ("guardian", "relationship_types"),
    ("auth", "users"),
    ("guardian", "documents"),
    ("guardian", "patient_medications"),
    ("guardian", "patient_conditions"),
    ("guardian", "patient_allergies"),
    ("guardian", "patient_lab_results"),
    ("guardian", "patient_encounters"),
    ("guardian", "patient_vitals"),
    ("guardian", "clinical_fact_sources"),
    ("guardian", "document_processing_stages"),
    ("guardian", "medical_data_relationships"),
    ("guardian", "audit_log"),
    ("guardian", "user_dashboard_cache"),
    ("guardian", "dashboard_reads"),
)


def generate(
    url: str,
    patients: int = 1_000,
    audit_rows: int = 200_000,
    years: int = 7,
    seed: int = 1,
    *,
    now: datetime | None = None,
    replace: bool = False,
) -> Generated:
    """Fill the guardian tables: patients with relationships and orphans, and years of audit.

    Parameters
    ----------
    url : str
        A database with the guardian schema; never one marked as production.
    patients : int
        About 70 rows each.
    audit_rows : int
        Rows of the audit, more of them lately.
    years : int
        How far the audit reaches back; each month gets its partition.
    seed : int
        Same seed, size and `now`: the same rows.
    now : datetime, optional
        Naive UTC. Default: this minute.
    replace : bool
        Also overwrite rows of other origin, and fresh data of the same parameters.

    Returns
    -------
    Generated
        `rows` per table; `created` False when the data was there already.

    Raises
    ------
    ProductionError, ConfigurationError, BusyError
        As `fill.fill`.

    """
    size = Size(patients, audit_rows, years)
    make: partial[Iterator[Chunk]] = partial(chunks, size, seed)
    return fill.fill(
        url,
        SYSTEM,
        TABLES,
        size.parameters(seed),
        make,
        now=now,
        replace=replace,
        prepare=partial(_months, years=years),
        finish=_refresh,
    )


def user_shard(user_id: UUID) -> int:
    """Return the shard of a user, 1 to 10, as `guardian.calculate_user_shard` does (G-73).

    The first 32 bits of the MD5 of the id in lower case with hyphens: any language has them, and
    they are never negative.
    """
    digest = hashlib.md5(str(user_id).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4], "big") % SHARDS + 1


def _months(connection: psycopg.Connection, reference: datetime, *, years: int) -> None:
    connection.execute(
        sqlfiles.load("guardian/data/months").text,
        {
            "audit_since": reference - timedelta(days=years * YEAR_DAYS),
            "stages_since": reference - timedelta(days=FACT_DAYS),
            "until": reference,
        },
    )


def _refresh(connection: psycopg.Connection) -> None:
    for view in ("data_quality_metrics", "orphaned_relationships_summary"):
        connection.execute(sqlfiles.load(f"guardian/data/refresh_{view}").text)
