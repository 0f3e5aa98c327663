"""Keeping what a worker did where there is a store, and going on where there is none."""

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation import record
from perf_pipeline.invalidation.figures import Drained
from perf_pipeline.store import Store, migrate


class Keeper:
    """The store, as far as it is there: asked again each time, complained of once.

    Parameters
    ----------
    complain : callable
        Called with a line when something cannot be kept, and not again for the same reason.

    Attributes
    ----------
    missing : str
        Why there was no store when it was last asked for; empty: there was one.

    """

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._stack = ExitStack()
        self._store: Store | None = None
        self._told = ""
        self.missing = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def store(self) -> Store | None:
        """Return the store, or None where it cannot be used: `missing` says why."""
        try:
            if self._store is None:
                with ExitStack() as stack:
                    opened = stack.enter_context(Store())
                    migrate.require_current(opened)
                    self._store, self._stack = opened, stack.pop_all()
            self.missing = ""
        except PerfPipelineError as error:
            self.missing = error.message
        return self._store

    def keep(self, drained: Drained) -> None:
        """Keep what a drain did; where that fails it is told, not repeated: the work is done."""
        if not drained.worked:
            return
        store = self.store()
        if store is not None:
            try:
                record.add(store, drained)
            except PerfPipelineError as error:
                self.missing = error.message
        if self.missing and self.missing != self._told:
            self._complain(f"not kept in the store: {self.missing}")
        self._told = self.missing
