"""What tests of alerts share."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Return a Dagster instance that leaves nothing behind."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made
