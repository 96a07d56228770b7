import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from feedbackward.data import remote_tar
from feedbackward.data.tars import find_tars, open_tar
from feedbackward.errors import FailureError, InputError


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(remote_tar, "WAITS", (0.0, 0.0))


@pytest.fixture
def numbers(tmp_path):
    """A file of 1000 different pairs of bytes."""
    content = b"".join(number.to_bytes(2, "big") for number in range(1000))
    (tmp_path / "a.tar").write_bytes(content)
    return content


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("http://h/a-{08..10}.tar", ["http://h/a-08.tar", "http://h/a-09.tar", "http://h/a-10.tar"]),
        ("{0..1}/{1..2}.tar", ["0/1.tar", "0/2.tar", "1/1.tar", "1/2.tar"]),
        ("~/a.tar", [str(Path.home() / "a.tar")]),
        ("{a,b}.tar", ["{a,b}.tar"]),
    ],
)
def test_ranges(pattern, expected):
    assert find_tars([pattern, pattern]) == expected


def test_globs(tmp_path):
    for name in ("b.tar", "a.tar", "[x].tar"):
        (tmp_path / name).touch()
    assert find_tars([f"{tmp_path}/?.tar"]) == [f"{tmp_path}/a.tar", f"{tmp_path}/b.tar"]
    assert find_tars([f"{tmp_path}/[x].tar"]) == [f"{tmp_path}/[x].tar"]
    with pytest.raises(InputError, match=r"no files .*/c\*\.tar; expected tar files"):
        find_tars([f"{tmp_path}/c*.tar"])


@pytest.mark.parametrize("pattern", ["{3..1}.tar", "{0..999999999999}.tar", "{0..999}{0..999}.tar"])
def test_ranges_of_too_few_or_too_many(pattern):
    with pytest.raises(
        InputError, match=r"is a range of \d+ numbers; expected the first one first, and at most 100000"
    ):
        find_tars([pattern])


def test_parts_of_files_and_urls(tmp_path, numbers, serve):
    url = f"{serve(tmp_path).url}/a.tar"
    for tar in (open_tar(str(tmp_path / "a.tar")), open_tar(url)):
        assert tar.size == 2000
        for start, count in ((0, 2000), (0, 7), (1000, 500), (1999, 1), (5, 0)):
            assert tar.read(start, count) == numbers[start : start + count]
    assert str(tar) == tar.place == url


def test_the_state_changes_with_the_content(tmp_path, numbers, serve):
    path, server = tmp_path / "a.tar", serve(tmp_path)
    addresses = str(path), f"{server.url}/a.tar"
    tars = [open_tar(address) for address in addresses]
    assert [open_tar(address).state for address in addresses] == [tar.state for tar in tars]
    path.write_bytes(bytes(2000))
    for tar, address in zip(tars, addresses, strict=True):
        assert open_tar(address).state != tar.state
        with pytest.raises(FailureError, match=r"a\.tar has changed since it was opened; give the same command again"):
            tar.read(0, 10)
    server.etags, server.times = False, True
    tar = open_tar(addresses[1])
    os.utime(path, (0, 0))
    assert open_tar(addresses[1]).state != tar.state
    with pytest.raises(FailureError, match="has changed since it was opened"):
        tar.read(0, 10)
    server.times = False
    assert open_tar(addresses[1]).state != open_tar(addresses[1]).state  # unknown: nothing may be remembered


def test_what_is_not_there(tmp_path, serve):
    url = serve(tmp_path).url
    for address, message in (
        (str(tmp_path / "a.tar"), r"a\.tar cannot be read: No such file or directory; expected a tar file"),
        (str(tmp_path), "is not a file; expected a tar file"),
        (f"{url}/a.tar", r"/a\.tar cannot be read: the server answered 404 .*; expected a tar file behind the URL"),
        ("http://127.0.0.1:1/a.tar", r"http://127\.0\.0\.1:1/a\.tar cannot be read: Cannot connect to host"),
        ("http://", "expected a tar file|expected http"),
    ):
        with pytest.raises(InputError, match=message):
            open_tar(address)


def test_a_file_that_is_gone(tmp_path, numbers):
    tar = open_tar(str(tmp_path / "a.tar"))
    (tmp_path / "a.tar").unlink()
    with pytest.raises(FailureError, match=r"a\.tar cannot be read: No such file or directory; expected a readable"):
        tar.read(0, 10)


def test_a_server_without_ranges(tmp_path, numbers, serve):
    server = serve(tmp_path)
    server.ranges = False
    tar = open_tar(f"{server.url}/a.tar")
    with pytest.raises(FailureError, match="the server does not support range requests; download the file"):
        tar.read(1000, 10)
    assert len(server.requests) == 1  # not tried again


def test_a_server_that_breaks_off_is_asked_again(tmp_path, numbers, serve):
    server = serve(tmp_path)
    tar = open_tar(f"{server.url}/a.tar")
    server.broken = 2
    assert tar.read(1000, 500) == numbers[1000:1500]
    assert len(server.requests) == 3
    server.broken = 3
    with pytest.raises(FailureError, match=r"a\.tar cannot be read: .*; check the connection and try again"):
        tar.read(1000, 500)


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (403, 1), (404, 1)])
def test_a_server_that_refuses(status, tries, tmp_path, numbers, serve):
    server = serve(tmp_path)
    tar = open_tar(f"{server.url}/a.tar")
    server.status = status
    with pytest.raises(FailureError, match=rf"a\.tar cannot be read: the server answered {status} "):
        tar.read(1000, 500)
    assert len(server.requests) == tries


def test_a_server_that_is_busy_when_a_tar_is_opened(tmp_path, numbers, serve, monkeypatch):
    server = serve(tmp_path)
    server.down = True
    clock = SimpleNamespace(sleep=lambda _: setattr(server, "down", False))
    monkeypatch.setattr(remote_tar, "time", clock)
    assert open_tar(f"{server.url}/a.tar").read(1000, 10) == numbers[1000:1010]
    server.down = True
    monkeypatch.setattr(remote_tar, "WAITS", ())
    with pytest.raises(FailureError, match=r"a\.tar cannot be read: the server answered 503 .*; try again later"):
        open_tar(f"{server.url}/a.tar")


def test_a_server_that_is_gone():
    with pytest.raises(FailureError, match=r"a\.tar cannot be read: Cannot connect to host .*; check the connection"):
        remote_tar.RemoteTar("http://127.0.0.1:1/a.tar", 10, "", ()).read(0, 10)
