"""Tars that Python and GNU tar write are read as they are; whatever is wrong with one is said in a line."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from feedbackward.data import remembered, remote_tar, tar_index
from feedbackward.data.shard_files import read_shards
from feedbackward.data.tar_index import list_members
from feedbackward.data.tars import open_tar
from feedbackward.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/feedbackward/shards"


@pytest.fixture
def pack(tmp_path):
    """Write a tar of files, or of TarInfos, and return its path."""

    def _pack(*members, name="a.tar", form=tarfile.GNU_FORMAT):
        with tarfile.open(tmp_path / name, "w", format=form) as tar:
            for member in members:
                if isinstance(member, tarfile.TarInfo):
                    # Since Python 3.13 addfile refuses the header of a non-empty file without its content.
                    tar.fileobj.write(header := member.tobuf(form))
                    tar.offset += len(header)
                    continue
                info = tarfile.TarInfo(member)
                content = f"content of {member}".encode() * 100
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return tmp_path / name

    return _pack


def special(name, **attributes):
    info = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_are_where_tarfile_finds_them(pack, form):
    names = ["a.jpg", "a.mask.png", f"{'long' * 20}/b.jpg", "ä.jpg"]
    path = pack(*names, special("folder", type=tarfile.DIRTYPE), form=form)
    members = list_members(open_tar(str(path)))
    assert [member.name for member in members] == names
    with tarfile.open(path) as tar:
        for member in members:
            assert member.read_bytes() == tar.extractfile(member.name).read()


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs tar")
def test_what_the_program_tar_writes(tmp_path):
    for name in ("b.jpg", "a.mask.png", "a.jpg"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    subprocess.run(["tar", "-cf", tmp_path / "a.tar", "-C", tmp_path / "in", "."], check=True)
    members = list_members(open_tar(str(tmp_path / "a.tar")))
    assert {member.name: member.read_bytes().decode() for member in members} == {
        "a.jpg": "a.jpg", "a.mask.png": "a.mask.png", "b.jpg": "b.jpg"
    }  # fmt: skip


def test_an_index_over_http_is_read_in_few_requests_and_once(pack, serve, monkeypatch):
    path = pack(*(f"{number:03}.jpg" for number in range(60)))
    server = serve(path.parent)
    monkeypatch.setattr(tar_index, "AHEAD", 1 << 14)
    members = list_members(open_tar(f"{server.url}/a.tar"))
    assert len(members) == 60
    assert 5 < len(server.requests) < 20
    server.requests.clear()
    assert list_members(open_tar(f"{server.url}/a.tar")) == members
    assert server.requests == []


def test_a_tar_that_has_changed_is_indexed_again(pack, serve):
    server = serve(pack("a.jpg").parent)
    for address in (f"{server.url}/a.tar", str(pack("a.jpg"))):
        pack("a.jpg")
        assert [member.name for member in list_members(open_tar(address))] == ["a.jpg"]
        pack("b.jpg")
        assert [member.name for member in list_members(open_tar(address))] == ["b.jpg"]


@pytest.mark.parametrize("damage", ["", "[", "\udcff"])
def test_a_damaged_index_is_made_again(damage, pack, cache):
    path = pack("a.jpg")
    list_members(open_tar(str(path)))
    (file,) = cache.iterdir()
    file.write_bytes(damage.encode(errors="surrogateescape"))
    assert [member.name for member in list_members(open_tar(str(path)))] == ["a.jpg"]


def test_a_cache_that_cannot_be_written_is_said_once(pack, tmp_path, caplog):
    remembered._warn.cache_clear()
    (tmp_path / "cache").touch()
    for name in ("a.tar", "b.tar"):
        assert len(list_members(open_tar(str(pack("a.jpg", name=name))))) == 1
    (record,) = caplog.records
    assert "cache/feedbackward/shards cannot be written" in record.getMessage()
    assert "shards are indexed and checked again each time" in record.getMessage()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (["a.jpg", "a.jpg"], r"a\.tar has two members of the name a\.jpg"),
        (["a.jpg", "./a.jpg"], r"a\.tar has two members of the name a\.jpg"),
        (["/etc/a.jpg"], r"the member /etc/a\.jpg is not named by a path below a folder; .*tar -C FOLDER"),
        (["../a.jpg"], r"the member \.\./a\.jpg is not named by a path"),
        (["x/../../a.jpg"], "is not named by a path"),
        (["x\\a.jpg"], "is not named by a path"),
        (
            [special("a.jpg", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
            r"the member a\.jpg is a link; expected files",
        ),
        ([special("a.jpg", type=tarfile.LNKTYPE, linkname="b.jpg")], r"the member a\.jpg is a link"),
        ([special("a.jpg", type=tarfile.FIFOTYPE)], r"the member a\.jpg is a device or pipe"),
        ([special("a.jpg", size=1 << 50)], r"member a\.jpg says that it has 1125899906842624 bytes, and \d+ follow"),
        (["a.exe"], r"the member a\.exe is neither an image nor a mask; expected KEY\.jpg .* with KEY\.mask\.png"),
        (["a.0001.jpg"], r"a\.0001\.jpg is neither .* where KEY has no dot"),
        (["README"], "README is neither"),
        (["a.jpg", "a.png"], r"a\.jpg and a\.png are two images of one key; remove one"),
        (["a.mask.png", "a.SEG.png"], r"a\.mask\.png and a\.SEG\.png are two masks of one key"),
    ],
)
def test_refused(members, message, pack):
    with pytest.raises(InputError, match=message) as caught:
        read_shards([str(pack(*members))])
    assert str(caught.value).startswith(str(pack().parent))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("over_http", [False, True])
def test_a_tar_is_refused_wherever_it_is_cut_off(over_http, pack, serve, monkeypatch):
    path = pack("a.jpg", "b.jpg", "c.jpg")
    whole, server = path.read_bytes(), serve(path.parent)
    monkeypatch.setattr(remote_tar, "WAITS", ())
    end = 3 * (512 + 2048)
    for length in (0, 1, 511, 512, 513, 2000, 2559, 2560, 2561, 3072, 5120, end - 500, end - 1, end, end + 511):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"a\.tar is (cut off or damaged|not a tar that can be read)"):
            list_members(open_tar(f"{server.url}/a.tar" if over_http else str(path)))
    path.write_bytes(whole[: end + 512])  # one block of zeros is an end
    assert len(list_members(open_tar(str(path)))) == 3


def test_damaged_headers(pack):
    path = pack("a.jpg", "b.jpg", form=tarfile.PAX_FORMAT)
    whole = path.read_bytes()
    for place in (0, 124, 148, 2560 + 5, 2560 + 124, 2560 + 150):  # in the first header and the second
        path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
        with pytest.raises(InputError, match=r"a\.tar(: .*)? is (cut off or damaged|not a tar that can be read)"):
            list_members(open_tar(str(path)))


def test_compressed_tars(pack, tmp_path):
    with tarfile.open(tmp_path / "b.tar", "w:gz") as tar:
        tar.add(pack("a.jpg"), "a.jpg")
    with pytest.raises(InputError, match="expected a whole tar that is not compressed"):
        list_members(open_tar(str(tmp_path / "b.tar")))


def test_a_key_belongs_to_one_tar(pack, tmp_path):
    pack("x/a.jpg", "b.jpg")
    pack("x/a.png", name="b.tar")
    with pytest.raises(InputError, match=r"/a\.tar/x/a\.jpg and .*/b\.tar/x/a\.png have the same key"):
        read_shards([f"{tmp_path}/*.tar"])


def test_what_is_left_out_is_counted(pack):
    found = read_shards([str(pack("a.JPG", "a.json", "b.tif", "x/._a.jpg", "b.seg.tif"))])
    assert found.left_out == {"of another type": [Path("a.json")], "hidden": [Path("x/._a.jpg")]}
    (shard,) = found.shards
    assert {key: member.name for key, member in shard.images.items()} == {"a": "a.JPG", "b": "b.tif"}
    assert list(shard.masks) == ["b"]
