"""What a sweep reads, as it arrives: arranged at once, and handed on with what is then known."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import polars as pl

from perf_pipeline.snapshots import values
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.objects import NO_NAMES
from perf_pipeline.snapshots.reader import row
from perf_pipeline.snapshots.sources import Source

#: Goes on with a source's rows on this machine; None: there is nothing to keep.
Local = Callable[[Source, pl.DataFrame], pl.DataFrame | None]
#: Takes what a source's rows are worth with what was observed at the sweep.
Early = Callable[[Observation, Source, pl.DataFrame], object]

INFO_AFTER: Final = "statements_info_after"
#: What an observation consists of, beside `server`. All is read before the sources, except what
#: comes after the statements and is about them alone.
_OBSERVED: Final = ("control", "cumulative", "statements_info", INFO_AFTER)
_STATEMENTS: Final = "statements"


class Arrivals:
    """Answers of one sweep, in the order they come.

    Parameters
    ----------
    server : Mapping
        The row of `server.sql`.
    sources : Iterable of Source
    known_bytes : int or None
        The database's size, when it is not read.
    local : callable
        Called for each source that follows up on this machine.
    early : callable or None
        Called for each source that can be judged, as soon as it can.

    Attributes
    ----------
    frames : dict of polars.DataFrame
        By source, as they are kept.

    """

    def __init__(
        self,
        server: Mapping[str, Any],
        sources: Iterable[Source],
        known_bytes: int | None,
        local: Local,
        early: Early | None,
    ) -> None:
        self.frames: dict[str, pl.DataFrame] = {}
        self._server = server
        self._sources = {source.name: source for source in sources}
        self._others: dict[str, pl.DataFrame] = {}
        self._known_bytes = known_bytes
        self._local = local
        self._early = early

    @property
    def observation(self) -> Observation:
        """What is known of the server by what has arrived."""
        return _observed(self._server, *(row(self._others.get(name)) for name in _OBSERVED))

    def take(self, name: str, frame: pl.DataFrame) -> None:
        """Take one answer."""
        source = self._sources.get(name)
        if source is None:
            self._others[name] = frame
            if name == INFO_AFTER and _STATEMENTS in self.frames:
                self._hand_on(self._sources[_STATEMENTS])
            return
        if name == "database":
            size = row(self._others.get("database_size")).get("database_bytes", self._known_bytes)
            if size is None:
                return  # without one the row cannot be kept
            frame = frame.with_columns(pl.lit(size, dtype=pl.Int64).alias("database_bytes"))
        frame = _arranged(source, frame)
        if source.is_local:
            found = self._local(source, frame)
            if found is None:
                return
            frame = found
        self.frames[name] = frame
        if name != _STATEMENTS and (source.is_local or source.follow_up is None):
            self._hand_on(source)

    def _hand_on(self, source: Source) -> None:
        if self._early is not None:
            self._early(self.observation, source, self.frames[source.name])


def _arranged(source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a source's rows as they are kept: whoever names things may write values there."""
    arranged = source.arrange(frame) if source.arrange else frame
    return values.screened_columns(arranged, keep=NO_NAMES)


def _observed(
    server: Mapping[str, Any],
    control: Mapping[str, Any],
    cumulative: Mapping[str, Any],
    info: Mapping[str, Any],
    info_after: Mapping[str, Any],
) -> Observation:
    return Observation(
        ts=server["ts"],
        server_version_num=server["server_version_num"],
        system_identifier=control.get("system_identifier"),
        timeline=control.get("timeline_id"),
        postmaster_start=server["postmaster_start"],
        address=server["address"],
        port=server["port"],
        in_recovery=server["in_recovery"],
        database_oid=server["database_oid"],
        database_stats_reset=server["database_stats_reset"],
        cumulative_stats_reset=cumulative.get("stats_reset"),
        statements_stats_reset=info.get("stats_reset"),
        statements_dealloc=info.get("dealloc"),
        statements_stats_reset_after=info_after.get("stats_reset"),
        statements_dealloc_after=info_after.get("dealloc"),
        role_name=values.screened(server["role_name"]),
        sees_all=server["sees_all"],
    )
