from pathlib import Path

import pytest

from feedbackward.errors import InputError
from feedbackward.importing import Sample
from feedbackward.importing.found import check_names, flat_name, unpaired


def test_flat_names():
    assert flat_name(Path("data/a/b/1.2.jpg"), Path("data")) == "a__b__1.2"
    assert flat_name(Path("data/1"), Path("data")) == "1"


def test_names_are_unique_in_a_split():
    path = Path("x.png")
    check_names([Sample("a", path, path, "train"), Sample("a", path, path, "val"), Sample("b", path, path)], where=path)
    with pytest.raises(InputError, match=r"x\.png: images of one name \(1\): a; rename one of each"):
        check_names([Sample("a", path, path, "val"), Sample("a", path, path, "val")], where=path)


def test_notes_about_files_without_a_partner():
    images, masks = {"a": Path("a.jpg"), "b": Path("b.jpg")}, {"b": Path("b.png"), "c": Path("c.png")}
    assert unpaired(images, masks) == (
        "left out 1 images without a mask: a.jpg",
        "left out 1 masks without an image: c.png",
    )
    assert unpaired({"b": Path("b.jpg")}, {"b": Path("b.png")}) == ()
