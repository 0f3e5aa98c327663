from collections.abc import Callable, Iterator

import pytest

from perf_pipeline.invalidation.sinks import SinkPolicy
from perf_pipeline_tests.invalidation.sinks.common import Application


@pytest.fixture
def application() -> Iterator[Callable[[SinkPolicy, str], Application]]:
    """Return a maker of applications, whose connections are closed after the test."""
    made: list[Application] = []

    def make(policy: SinkPolicy, cache_type: str) -> Application:
        made.append(Application(policy, cache_type))
        return made[-1]

    yield make
    for one in made:
        one.close()
