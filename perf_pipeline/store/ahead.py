"""Read what comes next while what was read is worked on."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

P = TypeVar("P")
T = TypeVar("T")


def ahead(read: Callable[[P], T], parts: Sequence[P], number: int = 1) -> Iterator[tuple[P, T]]:
    """Yield each part with what was read for it, in their order.

    Parameters
    ----------
    read : callable
        Runs in a thread, for as many parts at once as are read ahead.
    parts : Sequence
    number : int
        Parts that are read while one is worked on: bounds memory.

    """
    with ThreadPoolExecutor(number) as readers:
        reading: deque[Future[T]] = deque()
        following = iter(parts)
        for part in parts:
            while len(reading) <= number:
                try:
                    reading.append(readers.submit(read, next(following)))
                except StopIteration:
                    break
            yield part, reading.popleft().result()
