"""Real endpoints on the loopback: they refuse, then accept, and keep what they were given."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Endpoint:
    """Takes webhooks; `status` is what it answers, `taking` is called before it does."""

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.taking: Callable[[], object] = lambda: None
        self.taken: list[dict[str, Any]] = []
        self.asked = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.asked += 1
                if owner.status == 200:
                    owner.taken.append(json.loads(body))
                owner.taking()
                self.send_response(owner.status)
                if 300 <= owner.status < 400:
                    self.send_header("Location", "/login")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                owner.asked += 1
                self.send_response(200 if self.path == "/login" else owner.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return None

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def keys(self) -> list[str]:
        """The key of each message that was taken, in order."""
        return [each["message"].rsplit("message ", 1)[1] for each in self.taken]


@contextmanager
def endpoint(port: int = 0) -> Iterator[Endpoint]:
    made = Endpoint(port)
    with _serving(made.server):
        yield made


class Mailbox:
    """Takes mail over SMTP, but not for `refused`; `taken` are the addressees of each mail."""

    def __init__(self) -> None:
        self.refused = ""
        self.taken: list[str] = []
        owner = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 here")
                addressee = ""
                while line := self.rfile.readline().decode().strip():
                    command = line[:4].upper()
                    if command == "RCPT":
                        addressee = line.split("<")[1].split(">")[0]
                        self.say("550 nobody" if addressee == owner.refused else "250 fine")
                    elif command == "DATA":
                        self.say("354 go on")
                        while self.rfile.readline() != b".\r\n":
                            pass
                        owner.taken.append(addressee)
                        self.say("250 taken")
                    else:
                        self.say("221 bye" if command == "QUIT" else "250 fine")

            def say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    with _serving(made.server):
        yield made


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Have a thread answer while the context is open."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
