"""A tiny MovieLens in all the forms the real one has, a scriptable web server, and the real data."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench.card import Card
from bench.dataset_source import Acquire
from bench.errors import DataError
from bench.interactions import Dataset
from bench_datasets.download import Patience
from bench_datasets.movielens import MOVIELENS_100K, MovieLens
from bench_datasets.movielens_format import GENRES

HASTY = Patience(attempts=3, pause_seconds=0.01, stall_seconds=0.5)
U_DATA = "196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t267\t4\t881250950\n22\t1412\t1\t878887116\n"
MOVIES = [
    ("242", "Misérables, Les (1995)", ("Drama", "Musical")),
    ("267", "unknown", ("unknown",)),
    ("302", "Heidi Fleiss: Hollywood Madam (1995) ", ("Documentary",)),
    ("1412", "Land Before Time III: The Great Giving (1995) (V)", ("Animation", "Children's")),
]
RECBOLE_MOVIES = (
    "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    "242\tMisérables, Les\t1995\tDrama Musical\n"
    "267\tunkonwn\tunkonwn\tunknown\n"
    "302\tHeidi Fleiss: Hollywood Madam\t1995\tDocumentary\n"
    "1412\tLand Before Time III: The Great Giving (1995)\tV\tAnimation Children's\n"
)
U_USER = "22|25|M|writer|40206\n186|39|F|executive|00000\n196|49|M|writer|55105\n"


def grouplens_files() -> dict[str, bytes]:
    """u.data, u.item and u.user, written as GroupLens writes them."""
    items = ""
    for identity, title, genres in MOVIES:
        flags = "|".join("1" if genre in genres else "0" for genre in GENRES)
        items += f"{identity}|{title}|01-Jan-1995||http://us.imdb.com/|{flags}\n"
    return {"u.data": U_DATA.encode(), "u.item": items.encode("latin-1"), "u.user": U_USER.encode()}


def recbole_files() -> dict[str, bytes]:
    """The same, written as RecBole writes it."""
    inter = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + U_DATA
    users = "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n" + U_USER.replace("|", "\t")
    return {
        "ml-100k.inter": inter.encode(),
        "ml-100k.item": RECBOLE_MOVIES.encode(),
        "ml-100k.user": users.encode(),
    }


def _zip_of(files: dict[str, bytes]) -> bytes:
    """A zip archive with these members, the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _file_ref(name: str, content: bytes) -> dict[str, Any]:
    """What a card says of a file."""
    return {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


@dataclass
class Mini:
    """The tiny data set: its archive, its loose files, its wheel, and cards that name any of them."""

    files: dict[str, bytes] = field(default_factory=grouplens_files)

    @property
    def archive(self) -> bytes:
        return _zip_of({f"ml-100k/{name}": content for name, content in self.files.items()})

    @property
    def wheel(self) -> bytes:
        info = "minibole-1.0.dist-info"
        inside = {f"minibole/ml-100k/{name}": content for name, content in recbole_files().items()}
        metadata = {
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: minibole\nVersion: 1.0\n",
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": b"",
        }
        return _zip_of({**inside, **metadata})

    zip_of = staticmethod(_zip_of)
    file_ref = staticmethod(_file_ref)

    def zip_source(self, url: str | None = None, archive: bytes | None = None) -> dict[str, Any]:
        content = self.archive if archive is None else archive
        return {
            "title": "the archive",
            "kind": "zip",
            "layout": "grouplens",
            "folder": "ml-100k",
            "url": url,
            "files": [_file_ref("ml-100k.zip", content)],
        }

    def files_source(self) -> dict[str, Any]:
        files = [_file_ref(name, content) for name, content in self.files.items()]
        return {"title": "the files", "kind": "files", "layout": "grouplens", "folder": "ml-100k", "files": files}

    def wheel_source(self, package: str | None = "minibole==1.0") -> dict[str, Any]:
        return {
            "title": "the wheel",
            "kind": "zip",
            "layout": "recbole",
            "folder": "minibole/ml-100k",
            "package": package,
            "files": [_file_ref("minibole-1.0-py3-none-any.whl", self.wheel)],
        }

    def card(self, *sources: dict[str, Any], **fields: Any) -> Card:
        """A card with these sources; by default an archive and files that are only looked for on this machine."""
        values = {
            "name": "mini",
            "version": 1,
            "title": "Mini",
            "description": "four ratings",
            "licence": "none",
            "citation": "none",
            "homepage": "",
            "rating_scale": [1, 5],
            "sources": list(sources) or [self.zip_source(), self.files_source()],
        }
        return Card.model_validate({**values, **fields})

    def loader(self, *sources: dict[str, Any], **fields: Any) -> MovieLens:
        return MovieLens(self.card(*sources, **fields), HASTY)


@pytest.fixture
def mini() -> Mini:
    return Mini()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty cache."""
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _no_surprises(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own settings don't reach the tests."""
    monkeypatch.delenv("BENCH_OFFLINE", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A web server on this machine; its answers are given one after the other, the last for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.n_requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = server.answers[min(server.n_requests, len(server.answers) - 1)]
                server.n_requests += 1
                answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/ml-100k.zip"

    @staticmethod
    def serves(content: bytes, promised: int | None = None) -> Answer:
        """Answers with the content; with a larger Content-Length, the connection breaks in the middle."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(200)
            request.send_header("Content-Length", str(len(content) if promised is None else promised))
            request.end_headers()
            request.wfile.write(content)

        return answer

    @staticmethod
    def fails(status: int) -> Answer:
        """Answers with an HTTP error."""
        return lambda request: request.send_error(status)

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def movielens() -> Dataset:
    """The real MovieLens-100K. Skips where it cannot be had, but fails in CI."""
    try:
        return MOVIELENS_100K.load(Acquire())
    except DataError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no data: {error}")
