"""A server that misbehaves on demand, and an empty cache and mirror, for the tests of everything that is downloaded."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

CONTENT = bytes(range(256)) * 2000


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files`; `server.trouble` says how the server misbehaves."""

    def do_HEAD(self):
        if self.server.trouble == "silent":
            time.sleep(30)
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        content = self.server.files.get(self.path)
        self.server.requests.append(self.path)
        if content is None or self.server.trouble == "missing":
            self.send_error(404)
            return
        self.send_response(200)
        if self.server.trouble != "short without a length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.server.trouble in ("cut off", "short without a length"):
            content = content[: len(content) // 2]
        if self.server.trouble == "other content":
            content = bytes(len(content))
        half = len(content) // 2
        self.wfile.write(content[:half])
        self.wfile.flush()
        self.server.gate.wait(60)
        self.wfile.write(content[half:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.files, server.requests, server.trouble = {"/set/file.gz": CONTENT}, [], ""
    server.gate = threading.Event()  # closed, it holds the second half of every file back
    server.gate.set()
    server.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.gate.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """An empty cache and an empty mirror."""
    cache, mirror = tmp_path / "cache", tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv("COURSE_DATA_DIR", str(cache))
    monkeypatch.setenv("COURSE_DATA_MIRROR", str(mirror))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return SimpleNamespace(cache=cache, mirror=mirror)


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def wait_for(condition, seconds=60):
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline, "waited too long"
        time.sleep(0.05)
