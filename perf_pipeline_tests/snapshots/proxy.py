"""A TCP proxy that can stop forwarding: both ends stay connected, and nothing comes any more."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

import psycopg


class Proxy:
    """Forwards connections to a server until told to hang."""

    def __init__(self, url: str) -> None:
        self._parts = psycopg.conninfo.conninfo_to_dict(url)
        self._there = (str(self._parts["host"]), int(str(self._parts["port"])))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._hanging = threading.Event()
        self._sockets: list[socket.socket] = []

    @property
    def url(self) -> str:
        """The server's URL, by way of the proxy."""
        port = self._listener.getsockname()[1]
        return psycopg.conninfo.make_conninfo(**{**self._parts, "port": port})

    def hang(self) -> None:
        """Forward nothing from now on, and say nothing about it."""
        self._hanging.set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(self._there)
                self._sockets += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._hanging.is_set():
                    return
                sink.sendall(data)
            if not self._hanging.is_set():
                sink.shutdown(socket.SHUT_WR)
