"""Listening by the database, and to a server that falls silent."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

import psycopg
import pytest

from perf_pipeline.invalidation import sinks
from perf_pipeline.invalidation.client import Listener, PgListener, RedisListener, SinkPolicy
from perf_pipeline.invalidation.client.listen import told
from perf_pipeline_tests.invalidation.sinks.common import named
from perf_pipeline_tests.servers.caches import RedisServer


class Notes:
    def __init__(self) -> None:
        self.heard: list[tuple[str, list[str]]] = []
        self.states: list[str] = []
        self.came = threading.Condition()

    def note(self, where: list[object], what: object) -> None:
        with self.came:
            where.append(what)
            self.came.notify_all()

    def forget(self, cache_type: str, entities: Sequence[str]) -> None:
        self.note(self.heard, (cache_type, list(entities)))  # type: ignore[arg-type]

    def up(self) -> None:
        self.note(self.states, "up")  # type: ignore[arg-type]

    def lost(self) -> None:
        self.note(self.states, "lost")  # type: ignore[arg-type]

    def wait(self, what: Callable[[], bool]) -> None:
        with self.came:
            assert self.came.wait_for(what, 30), (self.heard, self.states)


def listening(listener: Listener) -> Notes:
    notes = Notes()
    listener.start(notes)
    return notes


@pytest.mark.server
def test_the_database_tells(
    make_database: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    monkeypatch.setenv("SHOP_URL", url)
    listener = PgListener("SHOP_URL", heartbeat_s=0.2)
    notes = listening(listener)
    try:
        notes.wait(lambda: notes.states == ["up"])
        with psycopg.connect(url, autocommit=True) as worker:
            sinks.make(SinkPolicy("notify"), worker).invalidate("menu", named(1, 2))
            notes.wait(lambda: notes.heard == [("menu", ["1", "2"])])
            worker.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'perf-pipeline cache client'"
            )
            notes.wait(lambda: notes.states[:3] == ["up", "lost", "up"])
            sinks.make(SinkPolicy("notify"), worker).invalidate("menu", named("*"))
            notes.wait(lambda: notes.heard[1:] == [("menu", ["*"])])
    finally:
        listener.stop()
    assert notes.states[-1] == "lost"


@contextmanager
def proxy(port: int, silent: threading.Event) -> Iterator[int]:
    """Forward to a port until told to fall silent: then nothing comes back, and nothing closes."""
    with socket.create_server(("127.0.0.1", 0)) as door, ExitStack() as stack:
        ended = threading.Event()

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with suppress(OSError):
                while data := source.recv(65_536):
                    if silent.is_set():
                        ended.wait(60)
                        return
                    sink.sendall(data)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    near, _ = door.accept()
                    far = socket.create_connection(("127.0.0.1", port))
                    sockets.extend((near, far))
                    for ends in ((near, far), (far, near)):
                        threads.append(threading.Thread(target=pump, args=ends))
                        threads[-1].start()

        sockets: list[socket.socket] = []
        threads = [threading.Thread(target=serve)]
        threads[0].start()

        @stack.callback
        def end() -> None:
            ended.set()
            for each in (door, *sockets):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            for thread in threads:
                thread.join(30)

        yield door.getsockname()[1]


@pytest.mark.server
def test_a_silent_server_is_a_lost_one(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection stays open, and nothing comes through it, not even to a heartbeat."""
    silent = threading.Event()
    with proxy(redis_server.port, silent) as port:
        monkeypatch.setenv("PERF_REDIS_URL", f"redis://127.0.0.1:{port}")
        listener = RedisListener(SinkPolicy("redis", timeout_s=1), heartbeat_s=0.1)
        notes = listening(listener)
        notes.wait(lambda: notes.states[-1:] == ["up"])
        notes.states.clear()
        silent.set()
        notes.wait(lambda: "lost" in notes.states)
        listener.stop()


def test_nobody_there_is_lost_until_somebody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_REDIS_URL", "redis://127.0.0.1:1")
    listener = RedisListener(SinkPolicy("redis"))
    notes = listening(listener)
    notes.wait(lambda: len(notes.states) >= 2)
    began = time.monotonic()
    listener.stop()
    assert time.monotonic() - began < 30
    assert set(notes.states) == {"lost"}


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"c": "a", "e": 3}', "3"])
def test_a_message_of_somebody_else_is_no_message(payload: str) -> None:
    with pytest.raises(ValueError):
        told(Notes(), payload)
