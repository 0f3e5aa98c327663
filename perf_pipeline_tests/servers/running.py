"""One running server per major version, started when first asked for, several at once."""

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline_tests.servers import fetch, pins
from perf_pipeline_tests.servers.databases import hasten

#: Every version the project supports.
MAJORS = tuple(range(sqlfiles.MINIMUM_MAJOR, sqlfiles.NEWEST_TESTED_MAJOR + 1))

#: In CI a version that cannot be had is an error.
REQUIRED = os.environ.get("PERF_VERSIONS_REQUIRED") == "1"


class Servers:
    """The servers of one test session.

    Parameters
    ----------
    default : EmbeddedServer
        The suite's own, running; it stands for its major.
    major : int
        Its major version.
    directory : Path
        Where the others live.
    settings : dict
        Of the others.

    """

    def __init__(
        self, default: EmbeddedServer, major: int, directory: Path, settings: dict[str, str]
    ) -> None:
        self._default = default
        self._major = major
        self._directory = directory
        self._settings = settings
        self._pool = ThreadPoolExecutor(max_workers=len(MAJORS))
        self._started: dict[int, Future[EmbeddedServer]] = {}

    def prepare(self, majors: Iterable[int]) -> None:
        """Begin to start the servers of these majors, all at once."""
        for major in majors:
            if major != self._major and major not in self._started:
                self._started[major] = self._pool.submit(self._start, major)

    def of(self, major: int) -> EmbeddedServer:
        """Return the running server of a major version.

        Where it cannot be had, the test is left out with the reason, or fails where
        PERF_VERSIONS_REQUIRED is 1.
        """
        if major == self._major:
            return self._default
        self.prepare([major])
        try:
            return self._started[major].result()
        except PerfPipelineError as error:
            reason = f"PostgreSQL {major} cannot be had: {error}"
        if REQUIRED:
            pytest.fail(f"PERF_VERSIONS_REQUIRED=1, and {reason}")
        pytest.skip(reason)

    def stop(self) -> None:
        """Stop all but the default one, all at once."""
        started = [start.result() for start in self._started.values() if start.exception() is None]
        list(self._pool.map(EmbeddedServer.stop, started))
        self._pool.shutdown()

    def _start(self, major: int) -> EmbeddedServer:
        packaged = major == sqlfiles.NEWEST_TESTED_MAJOR
        pg_bin = None if packaged else fetch.ensure(major)
        found = binaries.find(pg_bin).major
        if found != major:
            raise AssertionError(f"the programs in {pg_bin} are {found}, not {major}")
        server = EmbeddedServer(
            self._directory / f"pg{major}", pg_bin=pg_bin, settings=self._settings
        )
        server.start()
        hasten(server)
        return server


def majors_asked_for(items: Iterable[pytest.Item]) -> list[int]:
    """Return the majors that collected tests are parametrised with."""
    calls = (getattr(item, "callspec", None) for item in items)
    asked = {call.params["each_major"] for call in calls if call and "each_major" in call.params}
    return sorted(asked)


assert pins.majors() == MAJORS[:-1], "18 is the packaged one, the others are pinned"
