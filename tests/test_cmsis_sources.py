"""Where the sources of CMSIS-NN come from: a folder of the user's, or one pinned archive, all of it or none."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from edgekit.builder import cmsis_nn
from edgekit.builder.cache import digest_files
from edgekit.errors import Exit, ToolchainError

TEXTS = {name: f"/* {name} */\n".encode() * 40 for name in cmsis_nn.FILES}


def archive(texts: dict[str, bytes], folder: Path) -> Path:
    """As GitHub packs a commit: one folder around everything, and more than is needed."""
    path = folder / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in {"README.md": b"about", **texts}.items():
            member = tarfile.TarInfo(f"CMSIS-NN-{cmsis_nn.COMMIT}/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    return path


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The pinned commit is TEXTS, its archive a file, the cache empty, and the user has none."""
    monkeypatch.setattr(cmsis_nn, "CONTENTS", digest_files(TEXTS))
    monkeypatch.setattr(cmsis_nn, "ARCHIVE", archive(TEXTS, tmp_path).as_uri())
    monkeypatch.setenv("EDGEKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(cmsis_nn.VARIABLE, raising=False)


def refused(code: str) -> ToolchainError:
    with pytest.raises(ToolchainError) as caught:
        cmsis_nn.locate()
    assert caught.value.code == code
    assert caught.value.exit is Exit.TOOLCHAIN
    assert cmsis_nn.VARIABLE in caught.value.hint
    return caught.value


def nothing_kept(tmp_path: Path) -> bool:
    return not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_an_archive_is_fetched_once(tmp_path: Path) -> None:
    library = cmsis_nn.locate()
    assert {name: (library.folder / name).read_bytes() for name in cmsis_nn.FILES} == TEXTS
    assert not (library.folder / "README.md").exists()
    assert str(library) == f"CMSIS-NN {cmsis_nn.COMMIT[:12]}"
    (tmp_path / "archive.tar.gz").unlink()
    assert cmsis_nn.locate() == library


def test_a_damaged_copy_is_fetched_again() -> None:
    library = cmsis_nn.locate()
    (library.folder / cmsis_nn.SOURCES[0]).write_text("damaged")
    assert cmsis_nn.locate() == library
    assert (library.folder / cmsis_nn.SOURCES[0]).read_bytes() == TEXTS[cmsis_nn.SOURCES[0]]


@pytest.mark.parametrize("change", ["another text", "a file missing"])
def test_other_contents_are_refused(change: str, tmp_path: Path) -> None:
    texts = dict(TEXTS)
    if change == "a file missing":
        del texts[cmsis_nn.SOURCES[-1]]
    else:
        texts[cmsis_nn.SOURCES[-1]] = b"int evil;\n"
    archive(texts, tmp_path)
    assert "nothing of it was kept" in refused("cmsis_nn.contents").message
    assert nothing_kept(tmp_path)


@pytest.mark.parametrize("kept", [0, 100, -40])
def test_half_an_archive_is_refused(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(path.read_bytes()[:kept])
    refused("cmsis_nn.fetch")
    assert nothing_kept(tmp_path)


def test_without_a_network_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cmsis_nn, "ARCHIVE", "http://127.0.0.1:9/CMSIS-NN.tar.gz")  # discard: nobody listens there
    error = refused("cmsis_nn.fetch")
    assert "http://127.0.0.1:9/CMSIS-NN.tar.gz" in error.message
    assert cmsis_nn.COMMIT[:12] in error.hint
    assert nothing_kept(tmp_path)


class _Server(BaseHTTPRequestHandler):
    """Promises `data`, and sends `sent` bytes of it before it hangs up."""

    data, sent = b"", 0

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.data)))
        self.end_headers()
        self.wfile.write(self.data[: self.sent])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", 0), _Server) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        monkeypatch.setattr(cmsis_nn, "ARCHIVE", f"http://127.0.0.1:{http.server_port}/CMSIS-NN.tar.gz")
        yield
        http.shutdown()


@pytest.mark.usefixtures("server")
def test_an_interrupted_transfer_leaves_nothing_and_the_next_one_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = (tmp_path / "archive.tar.gz").read_bytes()
    monkeypatch.setattr(_Server, "data", data)
    monkeypatch.setattr(_Server, "sent", len(data) // 2)
    refused("cmsis_nn.fetch")
    assert nothing_kept(tmp_path)
    monkeypatch.setattr(_Server, "sent", len(data))
    assert cmsis_nn.locate().contents == cmsis_nn.CONTENTS


def unpacked(texts: dict[str, bytes], folder: Path) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    return folder


@pytest.mark.parametrize("changed", [False, True])
def test_a_folder_of_the_users_own_is_taken_and_told_apart(
    changed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    texts = {**TEXTS, cmsis_nn.SOURCES[0]: b"/* newer */\n"} if changed else TEXTS
    root = unpacked(texts, tmp_path / "own")
    monkeypatch.setenv(cmsis_nn.VARIABLE, str(root))
    library = cmsis_nn.locate()
    assert library.folder == root.resolve()
    assert ("which is not" in str(library)) is changed
    assert nothing_kept(tmp_path)


def test_a_folder_without_cmsis_nn_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cmsis_nn.VARIABLE, str(tmp_path))
    error = refused("cmsis_nn.root")
    assert str(tmp_path) in error.message
    assert cmsis_nn.FILES[0] in error.message
