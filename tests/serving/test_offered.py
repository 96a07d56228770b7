"""The networks that are offered."""

import shutil

import pytest

from feedbackward.adapters import list_adapters
from feedbackward.errors import InputError
from feedbackward.serving.offered import offer_given, offer_what_is_here


def test_names_tell_no_path(model):
    offers = offer_given([[str(model)], ["/data/camvid.onnx"], ["coffee_leaves"], ["a/leaves.safetensors", "nuclei"]])
    assert [(offer.id, offer.kind) for offer in offers] == [
        ("small", "network"),
        ("camvid", "network"),
        ("coffee_leaves", "adapter"),
        ("leaves,nuclei", "adapters"),
    ]


def test_two_of_one_name():
    with pytest.raises(InputError, match=r"^a/camvid.onnx and b/camvid.onnx would both be offered as camvid; rename"):
        offer_given([["a/camvid.onnx"], ["b/camvid.onnx"]])


def test_what_is_here(model, tmp_path):
    shutil.copytree(model, tmp_path / "runs" / "demo" / "model")
    (tmp_path / "runs" / "unfinished").mkdir()
    offers = offer_what_is_here(tmp_path)
    assert [offer.id for offer in offers] == ["demo", *list_adapters()]
    assert offers[0].title == "demo (synthetic streets)"
    assert [task.classes for task in offers[0].load(device="cpu").tasks] == [3]


def test_adapters_that_see_images_alike_are_offered_together(tmp_path, monkeypatch):
    monkeypatch.setattr("feedbackward.serving.offered._shared", lambda adapter: "the same")
    assert offer_what_is_here(tmp_path)[-1].models == tuple(list_adapters())


def test_a_network_that_is_not_there():
    (offer,) = offer_given([["no_such_model"]])
    with pytest.raises(InputError):
        offer.load()
