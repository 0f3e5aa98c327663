"""One store for all tests of a module, emptied for each."""

import pytest

from perf_pipeline.store import Store


@pytest.fixture
def store(shared_store: Store) -> Store:
    """Return an empty store."""
    with shared_store.begin() as connection:
        connection.execute(
            "TRUNCATE perf_mgmt.performance_tests, ledger.targets RESTART IDENTITY CASCADE"
        )
    return shared_store
