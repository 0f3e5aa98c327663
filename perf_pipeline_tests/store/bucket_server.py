"""A bucket over S3's own protocol, as far as one client needs it: put, get, delete, list."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/")

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if "Authorization" not in self.headers:
            self._answer(403)
            return
        self.objects[self.key] = data
        self._answer(200, ETag=_tag(data))

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            bucket, prefix = self.key, query.get("prefix", [""])[0]
            self._answer(200, self._listing(bucket, prefix), Content_Type="application/xml")
        elif self.key in self.objects:
            data = self.objects[self.key]
            stamp = "Sat, 21 Nov 2026 00:00:00 GMT"
            self._answer(200, data, ETag=_tag(data), Last_Modified=stamp)
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:  # DeleteObjects, the only one sent here
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = [unescape(key) for key in re.findall("<Key>(.*?)</Key>", asked)]
        for key in keys:
            self.objects.pop(f"{self.key}/{key}", None)
        gone = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{gone}</DeleteResult>".encode())

    def _listing(self, bucket: str, prefix: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{escape(name.removeprefix(bucket + '/'))}</Key>"
            f"<LastModified>2026-11-21T00:00:00.000Z</LastModified><ETag>{_tag(data)}</ETag>"
            f"<Size>{len(data)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for name, data in sorted(self.objects.items())
            if name.startswith(f"{bucket}/{prefix}")
        )
        return (
            f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>{found}"
            "</ListBucketResult>"
        ).encode()


def _tag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


@contextmanager
def bucket_server() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the endpoint's URL, and its objects by `bucket/key`."""
    objects: dict[str, bytes] = {}
    handler = type("Handler", (_Handler,), {"objects": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", objects
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
