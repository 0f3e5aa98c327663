"""Ports for servers that tests start, stop and start again."""

import contextlib
import random
import socket

#: Below those the system gives to connections that go out, which may come to lie on a port that is
#: free now before its server has begun, or while it is down. A cluster's bus is 10,000 above.
_FIRST, _LAST = 10_240, 20_239
_BUS = 10_000

#: What this process was given: its server may begin later.
_GIVEN: set[int] = set()

_CHANCE = random.SystemRandom()  # workers that hypothesis seeds alike must not choose alike


def free_port() -> int:
    """Return a port nobody listens on; a cluster's bus takes the one 10,000 above."""
    while True:
        port = _CHANCE.randint(_FIRST, _LAST)
        if port in _GIVEN:
            continue
        with socket.socket() as probe, socket.socket() as bus, contextlib.suppress(OSError):
            for each, number in ((probe, port), (bus, port + _BUS)):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                each.bind(("127.0.0.1", number))
            _GIVEN.add(port)
            return port
