"""What demo and dev show on the terminal: steps with their time, one bar for the load."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


class Steps:
    """Announce steps and how long each took.

    Parameters
    ----------
    quiet : bool
        Announce nothing on standard output (errors go their own way).

    """

    def __init__(self, quiet: bool = False) -> None:
        # progress is for people: standard error keeps standard output free for results
        self.console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the first step."""
        return time.monotonic() - self._started

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step at its start and its time at its end."""
        started = time.monotonic()
        interactive = self.console.is_terminal
        if interactive:
            with self.console.status(title):
                yield
        else:
            yield
        self.console.print(f"  {time.monotonic() - started:6.1f} s  {title}")

    @contextmanager
    def opening(self, title: str, opened: AbstractContextManager[T]) -> Iterator[T]:
        """Enter a context manager as a step; leave it at the end of the block, unannounced."""
        with ExitStack() as stack:
            with self.step(title):
                value = stack.enter_context(opened)
            yield value

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator["Bar"]:
        """Show a bar of `total` steps; one line at its end where there is no terminal."""
        started = time.monotonic()
        columns = (
            TextColumn("           {task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeRemainingColumn(),
        )
        disabled = self.console.quiet or not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=disabled) as progress:
            yield Bar(progress, progress.add_task(title, total=total))
        self.console.print(f"  {time.monotonic() - started:6.1f} s  {title}")

    def say(self, text: str = "") -> None:
        """Print a line."""
        self.console.print(text)
        sys.stderr.flush()


class Bar:
    """A running bar."""

    def __init__(self, progress: Progress, task: object) -> None:
        self._progress, self._task = progress, task

    def advance(self) -> None:
        """One step is done."""
        self._progress.advance(self._task)  # type: ignore[arg-type]
