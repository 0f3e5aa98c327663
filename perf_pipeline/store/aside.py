"""A second process that calls functions for this one, so that two cores are used.

Threads share one interpreter lock: what is half Python and half arrays runs hardly faster in two of
them. `multiprocessing` would import the caller's main module again; this imports nothing but what
is called. Its start costs half a second, so that only long work is worth it.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import IO, Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_LENGTH = 8


class Aside:
    """A process at work for this one; one call at a time."""

    def __init__(self) -> None:
        # what can be imported here can be imported there
        paths = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths, "POLARS_MAX_THREADS": "1"},
        )

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function of a module with arguments that can be pickled.

        Raises
        ------
        EOFError
            The process has died.
        Exception
            Whatever the function raised.

        """
        ours, theirs = self._process.stdin, self._process.stdout
        if ours is None or theirs is None:
            raise EOFError("the process has no pipes")
        try:
            _send(ours, (function, args, kwargs))
        except BrokenPipeError as error:
            raise EOFError("the process has died") from error
        failed, value = _receive(theirs)
        if failed:
            raise value
        made: T = value
        return made

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def aside() -> Iterator[Aside]:
    """Have a second process for a while."""
    process = Aside()
    try:
        yield process
    finally:
        process.end()


def both(function: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
    """Call a function of a module on each item, here and in a second process.

    Parameters
    ----------
    function : callable
        Of one argument that can be pickled; what it returns depends on nothing else.
    items : iterable
        Made one after another, as they are asked for.

    Returns
    -------
    list
        In the order of the items.

    """
    waiting, taking = enumerate(items), Lock()
    made: dict[int, T] = {}

    def work(call: Callable[[Any], T]) -> None:
        while True:
            with taking:
                number, item = next(waiting, (-1, None))
            if number < 0:
                return
            made[number] = call(item)

    with aside() as second, ThreadPoolExecutor(2) as pool:

        def there(item: Any) -> T:
            try:
                return second.call(function, item)
            except EOFError:  # killed, for want of memory perhaps
                return function(item)

        for each in [pool.submit(work, call) for call in (function, there)]:
            each.result()
    return [made[number] for number in sorted(made)]


def _send(pipe: IO[bytes], what: object) -> None:
    data = pickle.dumps(what, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(len(data).to_bytes(_LENGTH, "big") + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    head = pipe.read(_LENGTH)
    data = pipe.read(int.from_bytes(head, "big"))
    if len(head) < _LENGTH or len(data) < int.from_bytes(head, "big"):
        raise EOFError("the process has died")
    return pickle.loads(data)  # noqa: S301, from our own process


def _serve() -> None:
    """Call what is asked for until nobody asks."""
    asks, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # whatever prints must not print into an answer
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        try:
            function, args, kwargs = _receive(asks)
        except EOFError:
            return
        try:
            answer = (False, function(*args, **kwargs))
        except Exception as error:
            answer = (True, error)
        _send(answers, answer)


if __name__ == "__main__":
    _serve()
