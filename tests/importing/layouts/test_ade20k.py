import numpy as np
import pytest
from PIL import Image

from feedbackward.data import FolderData
from feedbackward.errors import InputError
from feedbackward.importing import convert, recognize

TABLE = (
    "Idx\tRatio\tTrain\tVal\tName\n"
    "1\t0.1576\t11664\t1172\twall\n"
    "2\t0.1072\t6046\t612\tbuilding, edifice\n"
    "15\t0.0090\t3904\t398\tdoor\n"
    "59\t0.0023\t600\t50\tdoor, double door\n"
    "60\t0.0023\t600\t50\tdoor\n"
)
VALUES = np.array([[0, 1, 2], [15, 59, 60]], np.uint8)


@pytest.fixture
def ade20k(tmp_path):
    base = tmp_path / "ADEChallengeData2016"
    for folder, name in (("training", "ADE_train_00000001"), ("validation", "ADE_val_00000001")):
        for kind in ("images", "annotations"):
            (base / kind / folder).mkdir(parents=True)
        Image.new("RGB", (3, 2)).save(base / "images" / folder / f"{name}.jpg")
        Image.fromarray(VALUES).save(base / "annotations" / folder / f"{name}.png")
    (base / "objectInfo150.txt").write_text(TABLE)
    return base


def test_ade20k(ade20k, tmp_path):
    found = recognize(tmp_path)
    assert found == recognize(ade20k)
    assert [(sample.name, sample.split) for sample in found.samples] == [
        ("ADE_train_00000001", "train"),
        ("ADE_val_00000001", "val"),
    ]
    assert found.notes == ()
    table = convert(found, tmp_path / "out")
    assert table.names == ("wall", "building", "door", "double door", "door 60")
    assert table.values == (1, 2, 15, 59, 60)
    mask = FolderData(root=tmp_path / "out").dataset("val")[0]["mask"]
    assert mask.tolist() == [[255, 0, 1], [2, 3, 4]]


def test_a_single_split_and_an_image_without_annotation(ade20k, tmp_path):
    (ade20k / "images/training").rename(tmp_path / "elsewhere")
    Image.new("RGB", (3, 2)).save(ade20k / "images/validation/ADE_val_00000002.jpg")
    found = recognize(tmp_path)
    assert [sample.split for sample in found.samples] == ["val"]
    (note,) = found.notes
    assert note.startswith("validation: left out 1 images without a mask: ")


def test_without_the_table_of_classes(ade20k, tmp_path):
    (ade20k / "objectInfo150.txt").unlink()
    with pytest.raises(
        InputError,
        match=r"no .*objectInfo150\.txt, which names the classes; copy it from .*data\.csail\.mit\.edu/places",
    ):
        recognize(tmp_path)


def test_other_data_sets_in_such_folders(ade20k):
    (ade20k / "objectInfo150.txt").unlink()
    for path in sorted(ade20k.rglob("ADE_*")):
        path.rename(path.with_stem("21_training"))
    assert recognize(ade20k).layout == "folders of images and of masks"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"expected tab-separated columns Idx, Ratio, Train, Val, Name"),
        (TABLE.replace("\t", ","), r"expected tab-separated columns"),
        (TABLE.partition("\n")[0], r"expected tab-separated columns"),
        (TABLE.replace("15\t", "door\t"), r"expected a line of Idx, Ratio, .* for each class, found \['door', "),
        (TABLE.replace("15\t", "2\t"), r"found \['2', '0.0090'"),
        (TABLE.replace("15\t", "0\t"), r"found \['0', '0.0090'"),
        (TABLE.replace("\t398\tdoor", ""), r"found \['15', '0.0090', '3904'\]"),
        (b"\xff", r"objectInfo150\.txt is not UTF-8 text"),
    ],
)
def test_a_damaged_table(text, message, ade20k):
    (ade20k / "objectInfo150.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        recognize(ade20k)


def test_no_pairs(ade20k):
    for path in sorted((ade20k / "annotations").rglob("*.png")):
        path.unlink()
    with pytest.raises(InputError, match=r"no annotation has the name of an image; unpack ADEChallengeData2016\.zip"):
        recognize(ade20k)
