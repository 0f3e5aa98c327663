"""One store for all tests of a module, emptied for each: a copy of one takes longer."""

import pytest

from perf_pipeline.store import Store

_EMPTIED = (
    *("ledger.targets", "ledger.query_texts", "perf_mgmt.performance_tests"),
    *("ledger.statements", "ledger.statements_hourly", "ledger.statements_daily"),
)


@pytest.fixture
def store(shared_store: Store) -> Store:
    """Return an empty store."""
    with shared_store.begin() as connection:
        connection.execute(f"TRUNCATE {', '.join(_EMPTIED)} RESTART IDENTITY CASCADE")
    return shared_store
