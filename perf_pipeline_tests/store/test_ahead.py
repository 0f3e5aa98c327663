"""Parts come in their order, read while others are worked on, and a failure is the caller's."""

from threading import Event

import pytest

from perf_pipeline.store.ahead import ahead


def test_the_next_part_is_read_while_one_is_worked_on() -> None:
    begun = [Event() for _ in range(4)]

    def read(part: int) -> int:
        begun[part].set()
        return 10 * part

    seen = []
    for part, made in ahead(read, range(4)):
        seen.append((part, made))
        assert all(event.wait(60) for event in begun[: part + 2])
    assert seen == [(0, 0), (1, 10), (2, 20), (3, 30)]
    assert list(ahead(read, [])) == []


def test_what_reading_raises_is_raised_at_its_part() -> None:
    parts = ahead(lambda part: 1 // part, [2, 0, 1], 2)
    assert next(parts) == (2, 0)
    with pytest.raises(ZeroDivisionError):
        next(parts)
