"""A second process gives what this one would, and its death costs nothing but time."""

import os
import signal
import time
from pathlib import Path

import pytest

from perf_pipeline.errors import InputError
from perf_pipeline.store import aside


def twice(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


def fails(what: str) -> None:
    raise InputError(what, "try another")


def dies(parent: int) -> int:
    """Die unless at work in the process of the test."""
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return parent


def prints(number: int) -> int:
    print("not an answer")  # noqa: T201
    return number


def meets(work: tuple[int, Path]) -> int:
    """Wait until two processes are at work."""
    number, folder = work
    (folder / str(os.getpid())).touch()
    end = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    return number


def test_both_processes_work_and_the_order_stays(tmp_path: Path) -> None:
    assert aside.both(meets, ((number, tmp_path) for number in range(20))) == list(range(20))
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_raised_over_there_is_raised_here() -> None:
    with aside.aside() as second:
        with pytest.raises(InputError, match="no such"):
            second.call(fails, "no such")
        # and it goes on
        assert second.call(twice, 4)[0] == 8
        assert second.call(prints, 5) == 5


def test_a_process_that_died_is_told_and_its_share_is_done_here() -> None:
    with aside.aside() as second:
        with pytest.raises(EOFError, match="has died"):
            second.call(dies, os.getpid())
        with pytest.raises(EOFError, match="has died"):
            second.call(twice, 1)
    assert aside.both(dies, [os.getpid()] * 20) == [os.getpid()] * 20
