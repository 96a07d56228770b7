"""Settings of all tests: tensor shapes in annotations are checked, and property tests run the same few examples."""

import logging
import threading
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jaxtyping
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
# For `make fuzz`: other examples in each run.
settings.register_profile(
    "thorough", settings.get_profile("repeatable"), derandomize=False, print_blob=True, max_examples=1000
)
settings.load_profile("repeatable")

install_import_hook(["feedbackward.nn", "feedbackward.losses", "feedbackward.metrics"], "beartype.beartype")

collect_ignore = ["fixtures", "fuzz/readers.py", "fuzz/coverage_guided.py"]


@contextmanager
def _exporting():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxtyping.config, "jaxtyping_disable", True)
        patch.setattr(logging.getLogger("torch.__trace"), "disabled", True)
        yield


@pytest.fixture
def exporting():
    """For tests that run torch.export: its sizes are not integers, and pytest would keep thousands of log records."""
    with _exporting():
        yield


@pytest.fixture(scope="session")
def while_exporting():
    """The same as a context, for fixtures of several tests."""
    return _exporting


class FileServer(ThreadingHTTPServer):
    """Serves a folder over http, with ranges and ETags unless it is told otherwise.

    Attributes:
        requests: The paths and ranges of all GETs; None for a whole file.
        ranges: Whether ranges are answered; otherwise the whole file is sent.
        etags: Whether files have an ETag.
        times: Whether files have a time, if they have no ETag.
        broken: The next so many answers to GET break off in the middle.
        status: Answered to every GET instead of the file, if it is not 0.
        down: Whether every request is answered with 503.
    """

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.requests, self.ranges, self.etags, self.times, self.broken, self.status, self.down = (
            [],
            True,
            True,
            False,
            0,
            0,
            False,
        )
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body):
        path, asked = Path(self.translate_path(self.path)), self.headers.get("Range")
        if body:
            self.server.requests.append((self.path, asked))
        status = 503 if self.server.down else self.server.status if body else 0
        if not path.is_file() or status:
            self.send_error(status or 404)
            return
        content = path.read_bytes()
        etag = f'"{hash(content)}"'
        changed = formatdate(path.stat().st_mtime, usegmt=True)
        if self.headers.get("If-Match", etag) != etag or self.headers.get("If-Unmodified-Since", changed) != changed:
            self.send_error(412)
            return
        part, ranged = content, asked is not None and self.server.ranges
        if ranged:
            first, last = asked.removeprefix("bytes=").split("-")
            part = content[int(first) : int(last) + 1]
        self.send_response(206 if ranged else 200)
        self.send_header("Content-Length", str(len(part)))
        if ranged:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        if self.server.etags:
            self.send_header("ETag", etag)
        elif self.server.times:
            self.send_header("Last-Modified", changed)
        self.end_headers()
        if body:
            if self.server.broken:
                self.server.broken -= 1
                self.wfile.write(part[: len(part) // 2])
                self.close_connection = True
                return
            self.wfile.write(part)

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """Serve folders over http; returns a FileServer for each."""
    servers = []

    def _serve(folder):
        servers.append(FileServer(folder))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return servers[-1]

    yield _serve
    for server in servers:
        server.shutdown()
        server.server_close()
