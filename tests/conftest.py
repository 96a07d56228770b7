"""Settings of all tests: tensor shapes in annotations are checked, and property tests run the same few examples."""

import base64
import hashlib
import json
import logging
import os
import re
import shutil
import threading
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

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
        self.send_header("Content-Type", self.guess_type(self.path))  # without it browsers run no script
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


@pytest.fixture(scope="session")
def chromium_program():
    """The path of the system's Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("pages need Chromium: apt-get install chromium")
    return program


@pytest.fixture(scope="module")
def chromium(chromium_program):
    """The system's Chromium without a window; its pages take seconds to start on a busy machine.

    It ends with the module: while it runs, its event loop runs in this thread, and asyncio.run() is refused.
    """
    api = pytest.importorskip("playwright.sync_api", reason="pages need playwright: pip install playwright")
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with api.sync_playwright() as driver:  # a process can have one at a time
        browser = driver.chromium.launch(executable_path=chromium_program, args=root)
        yield browser
        browser.close()


class HubServer(ThreadingHTTPServer):
    """Answers the requests of huggingface_hub for repositories of models, which are kept in memory.

    Attributes:
        repositories: The commits of each repository, oldest first: the bytes of its files by name.
        private: The repositories that only TOKEN may see.
        requests: Method and path of each request.
        down: Whether every request is answered with 503.
        url: The address, for HF_ENDPOINT.
    """

    TOKEN = "hf_of_the_owner"
    READER = "hf_that_may_only_read"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _HubHandler)
        self.repositories, self.private, self.requests, self.down = {}, set(), [], False
        self.url = f"http://127.0.0.1:{self.server_port}"

    def add(self, repository, files):
        """Commit the bytes of files by their names; returns the id of the commit."""
        commits = self.repositories.setdefault(repository, [{}])
        commits.append({**commits[-1], **files})
        return self.commit_id(repository, len(commits) - 1)

    def commit_id(self, repository, number):
        """The id of a commit, by its number."""
        return hashlib.sha1(f"{repository}{number}".encode(), usedforsecurity=False).hexdigest()

    def take_requests(self):
        """The requests since the last call."""
        taken, self.requests = self.requests, []
        return taken


class _HubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _handle(self):
        length = int(self.headers.get("Content-Length", 0))
        content, path = self.rfile.read(length), unquote(urlsplit(self.path).path)
        self.server.requests.append(f"{self.command} {path}")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.server.down:
            return self._say(503, {"error": "out of order"})
        if token not in ("", HubServer.TOKEN, HubServer.READER):
            return self._say(401, {"error": "Invalid credentials in Authorization header"})
        if self.command == "POST" and not path.endswith("validate-yaml") and token != HubServer.TOKEN:
            return self._say(403 if token else 401, {"error": "You may not write there"})
        if path == "/api/repos/create":
            return self._create(json.loads(content))
        if path == "/api/validate-yaml":
            return self._say(200, {"errors": [], "warnings": []})
        for pattern, answer in (
            (r"/api/models/([^/]+/[^/]+)/(?:revision|tree)/([^/]+)", self._list),
            (r"/api/models/([^/]+/[^/]+)/(?:preupload|commit)/([^/]+)", partial(self._change, content)),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._send),
        ):
            if match := re.fullmatch(pattern, path):
                return self._find(answer, token, *match.groups())
        return self._say(404, {"error": f"this stand-in has no {path}"})

    def do_GET(self):
        self._handle()

    def do_HEAD(self):
        self._handle()

    def do_POST(self):
        self._handle()

    def _find(self, answer, token, repository, revision, *more):
        commits = self.server.repositories.get(repository)
        if commits is None or (repository in self.server.private and token != HubServer.TOKEN):
            return self._say(404 if token else 401, {"error": "Repository not found"}, code="RepoNotFound")
        ids = [self.server.commit_id(repository, number) for number in range(len(commits))]
        number = {"main": len(ids) - 1, **{commit: number for number, commit in enumerate(ids)}}.get(revision)
        if number is None:
            return self._say(404, {"error": f"Invalid rev id: {revision}"}, code="RevisionNotFound")
        return answer(repository, number, *more)

    def _create(self, asked):
        repository = f"{asked['organization']}/{asked['name']}"
        exists = repository in self.server.repositories
        self.server.repositories.setdefault(repository, [{}])
        if asked.get("private") or asked.get("visibility") == "private":
            self.server.private.add(repository)
        self._say(409 if exists else 200, {"url": f"{self.server.url}/{repository}", "id": repository, "name": "x"})

    def _list(self, repository, number):
        files = self.server.repositories[repository][number]
        tree = [
            {"type": "file", "path": name, "size": len(content), "oid": _etag(content)}
            for name, content in files.items()
        ]
        info = {
            "id": repository,
            "modelId": repository,
            "sha": self.server.commit_id(repository, number),
            "siblings": [{"rfilename": name} for name in files],
            "tags": [],
        }
        self._say(200, tree if "/tree/" in self.path else info)

    def _change(self, content, repository, number):
        if "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(content)["files"]]
            files = [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]
            return self._say(200, {"files": files})
        files = dict(self.server.repositories[repository][number])
        for line in map(json.loads, content.splitlines()):
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "deletedFile":
                del files[line["value"]["path"]]
        self.server.repositories[repository].append(files)
        commit = self.server.commit_id(repository, number + 1)
        return self._say(200, {"commitUrl": f"{self.server.url}/{repository}/commit/{commit}", "commitOid": commit})

    def _send(self, repository, number, name):
        content = self.server.repositories[repository][number].get(name)
        if content is None:
            return self._say(404, {"error": "Entry not found"}, code="EntryNotFound")
        commit = self.server.commit_id(repository, number)
        return self._write(200, content, {"ETag": f'"{_etag(content)}"', "X-Repo-Commit": commit})

    def _say(self, status, data, *, code=None):
        more = {"X-Error-Code": code} if code else {}
        self._write(status, json.dumps(data).encode(), {"Content-Type": "application/json", **more})

    def _write(self, status, content, headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *args):
        pass


def _etag(content):
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A stand-in for the Hugging Face hub, with an empty cache; the owner of its repositories is logged in."""
    server = HubServer()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    constants = "huggingface_hub.constants."
    monkeypatch.setattr(f"{constants}ENDPOINT", server.url)
    monkeypatch.setattr(
        f"{constants}HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(f"{constants}HF_HUB_CACHE", str(tmp_path / "hub_cache"))
    monkeypatch.setenv("HF_TOKEN", server.TOKEN)
    yield server
    server.shutdown()
    server.server_close()
