import hashlib
import shutil

import pytest

from feedbackward.fingerprint import fingerprint
from feedbackward.hub_files import fetch


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "README.md"):
        (folder / name).write_text(name)
    return folder


def test_it_is_that_of_the_files_and_not_of_their_place(saved, tmp_path):
    expected = hashlib.sha256(b"config.jsonmodel.safetensors").hexdigest()[:16]
    assert fingerprint(str(saved)) == expected
    assert fingerprint(str(shutil.copytree(saved, tmp_path / "copy"))) == expected


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_other_weights_or_another_configuration(saved, name):
    before = fingerprint(str(saved))
    (saved / name).write_text("other")
    assert fingerprint(str(saved)) != before


def test_a_card_does_not_change_it(saved):
    before = fingerprint(str(saved))
    (saved / "README.md").write_text("other")
    assert fingerprint(str(saved)) == before


def test_an_exported_file_with_a_second_file(tmp_path):
    (tmp_path / "net.xml").write_text("graph")
    (tmp_path / "net.bin").write_text("weights")
    (tmp_path / "other.bin").write_text("other")
    assert fingerprint(str(tmp_path / "net.xml")) == hashlib.sha256(b"graphweights").hexdigest()[:16]


def test_a_network_of_the_hub_in_its_cache(saved, hub):
    files = {path.name: path.read_bytes() for path in saved.iterdir()}
    commit = hub.add("someone/network", {**files, "notes.bin": b"not downloaded"})
    fetch("someone/network")
    hub.take_requests()
    assert fingerprint("someone/network") == fingerprint(str(saved))
    assert fingerprint(f"someone/network@{commit}") == fingerprint(str(saved))
    assert hub.take_requests() == []
