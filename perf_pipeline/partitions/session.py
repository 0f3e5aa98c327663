"""Sessions that change a target's partitions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import psycopg

from perf_pipeline.postgres import connect as pg

#: For what reads or copies rows and stops nobody: an hour.
LONG_MS: Final = 3_600_000


@contextmanager
def session(url: str, statement_timeout_ms: int | None = None) -> Iterator[psycopg.Connection[Any]]:
    """Open a session on a target that may change it: in autocommit, with a silent server given up.

    Parameters
    ----------
    url : str
    statement_timeout_ms : int, optional
        Default: the environment's.

    """
    limits = pg.Limits.from_settings()
    if statement_timeout_ms is not None:
        limits = replace(limits, statement_timeout_ms=statement_timeout_ms)
    connection = pg.connect(
        url,
        limits=limits,
        autocommit=True,
        label=f"{pg.APPLICATION_NAME}:partitions",
        patience_s=LONG_MS / 1000.0 + 60.0,
    )
    with connection:
        yield connection
