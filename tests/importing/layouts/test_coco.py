import json
import sys

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from feedbackward.errors import InputError
from feedbackward.importing import convert, recognize
from feedbackward.importing.layouts import coco

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools

SQUARE = [1, 1, 4, 1, 4, 4, 1, 4]
CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def image(path, width=8, height=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)


def annotation(segmentation, image_id=1, category_id=3, **more):
    return {"id": 10, "image_id": image_id, "category_id": category_id, "segmentation": segmentation, **more}


def write(path, annotations, names=("a.png",), categories=CATEGORIES, width=8, height=6):
    images = [{"id": i, "file_name": name, "width": width, "height": height} for i, name in enumerate(names, 1)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))


@pytest.fixture
def data(tmp_path):
    """Write annotations of the image a.png and return the mask."""
    image(tmp_path / "a.png")

    def draw(*annotations, **more):
        write(tmp_path / "coco.json", annotations, **more)
        (sample,) = coco.find(tmp_path).samples
        return sample.mask.draw(6, 8)

    return draw


def test_a_polygon_by_hand(data):
    expected = np.zeros((6, 8), int)
    expected[1:4, 1:4] = 1
    assert data(annotation([SQUARE])).tolist() == expected.tolist()


def test_several_rings_as_in_pycocotools(data):
    rings = [[0.3, 0.2, 3.7, 1.1, 2.2, 4.9], [4, 4, 9, 4.4, 6.5, 8, 3, 7]]
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(rings, 6, 8)))
    assert expected.any()
    np.testing.assert_array_equal(data(annotation(rings)), expected)


@pytest.mark.parametrize("seed", range(8))
def test_run_length_codes_as_in_pycocotools(data, seed):
    random = np.random.default_rng(seed)
    pixels = (random.random((6, 8)) < random.random()).astype(np.uint8)
    code = coco_mask.encode(np.asfortranarray(pixels))
    text = {"size": [6, 8], "counts": code["counts"].decode()}
    np.testing.assert_array_equal(data(annotation(text)), pixels)
    line = np.concatenate([[0], pixels.ravel(order="F")])
    edges = np.flatnonzero(np.diff(line)).tolist()
    counts = np.diff([0, *edges, 48]).tolist()
    np.testing.assert_array_equal(data(annotation({"size": [6, 8], "counts": counts})), pixels)


def test_long_runs_in_compressed_code(tmp_path):
    pixels = np.zeros((300, 400), np.uint8)
    pixels[20:250, 10:390] = 1
    pixels[100:120, 200:210] = 0
    code = coco_mask.encode(np.asfortranarray(pixels))
    image(tmp_path / "a.png", 400, 300)
    text = {"size": [300, 400], "counts": code["counts"].decode()}
    write(tmp_path / "a.json", [annotation(text)], width=400, height=300)
    np.testing.assert_array_equal(coco.find(tmp_path).samples[0].mask.draw(300, 400), pixels)


def test_the_later_annotation_counts_and_crowds_are_ignored(data):
    crowd = annotation({"size": [6, 8], "counts": [0, 6, 42]}, iscrowd=1)
    mask = data(annotation([SQUARE]), annotation([[2, 1, 4, 1, 4, 3, 2, 3]], category_id=7), crowd)
    assert mask.tolist() == [
        [255, 0, 0, 0, 0, 0, 0, 0],
        [255, 1, 2, 2, 0, 0, 0, 0],
        [255, 1, 2, 2, 0, 0, 0, 0],
        [255, 1, 1, 1, 0, 0, 0, 0],
        [255, 0, 0, 0, 0, 0, 0, 0],
        [255, 0, 0, 0, 0, 0, 0, 0],
    ]


def test_coco_folders(tmp_path):
    for split in ("train", "val"):
        image(tmp_path / f"{split}2017" / "1.png")
        write(tmp_path / "annotations" / f"instances_{split}2017.json", [annotation([SQUARE])], ["1.png"])
    keypoints = [{"id": 1, "name": "person", "keypoints": ["nose"]}]
    write(tmp_path / "annotations" / "person_keypoints_val2017.json", [], ["1.png"], keypoints)
    found = recognize(tmp_path)
    assert found.layout == "COCO annotations"
    assert found.classes == {"classes": ["background", "cat", "dog"]}
    assert [(sample.name, sample.split) for sample in found.samples] == [("1", "train"), ("1", "val")]
    assert [sample.image.parent.name for sample in found.samples] == ["train2017", "val2017"]
    (note,) = found.notes
    assert note.startswith("left out ")
    assert note.endswith("person_keypoints_val2017.json: its categories have keypoints")


def test_roboflow(tmp_path):
    categories = [
        {"id": 0, "name": "pets", "supercategory": "none"},
        {"id": 1, "name": "dog", "supercategory": "pets"},
    ]
    for folder in ("train", "valid"):
        image(tmp_path / folder / f"{folder}.png")
        path = tmp_path / folder / "_annotations.coco.json"
        write(path, [annotation([SQUARE], category_id=1)], [f"{folder}.png"], categories)
    found = coco.find(tmp_path)
    assert found.classes == {"classes": ["background", "dog"]}
    assert [(sample.name, sample.split) for sample in found.samples] == [("train", "train"), ("valid", "val")]
    assert found.notes == ("left out the categories that only group others: pets",)


def test_written_in_our_layout(tmp_path):
    image(tmp_path / "in" / "train" / "a.png")
    image(tmp_path / "in" / "train" / "bare.png")
    write(tmp_path / "in" / "train" / "coco.json", [annotation([SQUARE], category_id=7)], ["a.png", "bare.png"])
    table = convert(recognize(tmp_path / "in"), tmp_path / "out")
    assert table.names == ("background", "cat", "dog")
    assert np.unique(Image.open(tmp_path / "out" / "masks" / "train" / "a.png")).tolist() == [0, 2]
    assert np.unique(Image.open(tmp_path / "out" / "masks" / "train" / "bare.png")).tolist() == [0]


def test_a_category_that_is_the_background(tmp_path):
    image(tmp_path / "a.png")
    write(tmp_path / "a.json", [], categories=[{"id": 1, "name": "cat"}, {"id": 2, "name": "Background"}])
    assert coco.find(tmp_path).classes == {"classes": ["Background", "cat"]}


def test_where_images_are_found(tmp_path):
    long = f"{300 * 'a'}.png"  # longer than the system allows
    write(tmp_path / "annotations" / "a.json", [], ["deep/a.png", "elsewhere/b.png", "gone.png", long])
    image(tmp_path / "deep" / "a.png")
    image(tmp_path / "other" / "deep" / "a.png")
    image(tmp_path / "images" / "b.png")
    found = coco.find(tmp_path)
    assert [sample.image.relative_to(tmp_path).as_posix() for sample in found.samples] == ["images/b.png", "deep/a.png"]
    missing, elsewhere, unused = found.notes
    assert missing.startswith("left out 2 of 4 images of ")
    assert missing.endswith(f"that do not exist, or only in a folder of another split: gone.png, {long}")
    assert elsewhere == (
        "1 images are taken by their names, and lie elsewhere than annotated: elsewhere/b.png "
        f"({tmp_path / 'images' / 'b.png'})"
    )
    assert unused == f"left out 1 images without an annotation: {tmp_path / 'other' / 'deep' / 'a.png'}"


def test_the_longest_end_of_a_path_counts(tmp_path):
    write(tmp_path / "annotations" / "a.json", [], ["/data/left/a.png", "/data/right/a.png"])
    for folder in ("set/left", "set/right", "set/else"):
        image(tmp_path / folder / "a.png")
    found = coco.find(tmp_path)
    assert [sample.image.parent.name for sample in found.samples] == ["left", "right"]


@pytest.mark.parametrize("name", ["0.png", "val/0.png"])
def test_an_image_of_another_split_is_not_taken(name, tmp_path):
    """instances_train.json names 0.png, and only val has one."""
    for path in ("val/0.png", "train/1.png"):
        image(tmp_path / path)
    write(tmp_path / "annotations" / "instances_train.json", [], [name, "1.png"])
    found = coco.find(tmp_path)
    assert [sample.image.name for sample in found.samples] == ["1.png"]
    assert f"that do not exist, or only in a folder of another split: {name}" in found.notes[0]


def test_other_json_files_are_passed(tmp_path):
    (tmp_path / "classes.json").write_text('{"classes": ["a"]}')
    (tmp_path / ".hidden.json").write_text("no JSON")
    assert coco.find(tmp_path) is None


def test_hidden_folders_are_passed(tmp_path):
    image(tmp_path / "a.png")
    write(tmp_path / "coco.json", [])
    for folder in (".cache", "__MACOSX"):
        image(tmp_path / folder / "a.png")
        (tmp_path / folder / "coco.json").write_text("// no JSON")
    found = coco.find(tmp_path)
    assert [sample.image for sample in found.samples] == [tmp_path / "a.png"]
    assert found.notes == ()


def test_damaged_json(tmp_path):
    damaged = tmp_path / "damaged.json"
    damaged.write_text('{"a": 1 /* settings */}')
    with pytest.raises(InputError, match=r"damaged\.json is not valid JSON"):  # the only one
        coco.find(tmp_path)
    image(tmp_path / "a.png")
    write(tmp_path / "coco.json", [])
    assert coco.find(tmp_path).notes == (f"left out 1 files that are not valid JSON: {damaged}",)
    image(tmp_path / "damaged.png")
    with pytest.raises(InputError, match=r"damaged\.json is not valid JSON"):  # of an image of its name
        coco.find(tmp_path)


def test_damaged_json_is_named_where_nothing_is_recognized(tmp_path):
    (tmp_path / "one.json").write_text("{")
    (tmp_path / "two.json").write_text("{}")
    with pytest.raises(InputError, match=r"no layout .*2 of \.json; left out 1 files that are not valid JSON: .*one"):
        recognize(tmp_path)


def test_a_file_is_read_again_after_a_change(tmp_path):
    image(tmp_path / "a.png")
    (tmp_path / "a.json").write_text("[]")
    assert coco.find(tmp_path) is None
    write(tmp_path / "a.json", [])
    assert coco.find(tmp_path) is not None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            annotation([], bbox=[1, 1, 2, 2]),
            r"1 of 2 annotations have no segmentation \(ids 10\): boxes do not outline",
        ),
        (annotation([[1, 1, 2, 2]]), r"annotation 10 cannot be read: a polygon has 4 numbers; expected x and y of thr"),
        (annotation([[1, 1, 2, 2, 3, 3, 4]]), r"a polygon has 7 numbers"),
        (annotation([[1, 1, 2, float("nan"), 3, 3]]), r"points far outside the image of 8 x 6 pixels"),
        (annotation([[1, 1, 2, 1e9, 3, 3]]), r"points far outside"),
        (annotation([SQUARE], image_id=9), r"annotation 10 cannot be read: there is no image 9"),
        (annotation([SQUARE], category_id=9), r"there is no category 9"),
        (annotation({"size": [8, 6], "counts": [48]}), r"code is for size \[8, 6\], and the image has size \[6, 8\]"),
        (annotation({"size": [6, 8], "counts": [5, 40]}), r"has not 48 pixels; expected the lengths of runs"),
        (annotation({"size": [6, 8], "counts": [50, -2]}), r"has not 48 pixels"),
        (annotation({"size": [6, 8], "counts": "52203"}), r"has not 48 pixels"),
        (annotation({"size": [6, 8], "counts": "a"}), r"the run-length code is truncated"),
        (annotation({"size": [6, 8], "counts": "é"}), r"the run-length code has the character 'é'"),
        (annotation({"size": [6, 8]}), r"annotation 10 has no 'counts'; add it"),
        ({"id": 4, "segmentation": [SQUARE]}, r"annotation 4 has no 'image_id'"),
    ],
)
def test_damaged_annotations(data, entry, message):
    with pytest.raises(InputError, match=message):
        data(annotation([SQUARE]), entry)


def test_damaged_files(tmp_path):
    image(tmp_path / "a.png")
    path = tmp_path / "a.json"
    path.write_text('{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": []}')
    with pytest.raises(InputError, match=r"a\.json: image 1 has no 'height'"):
        coco.find(tmp_path)
    write(path, [], categories=[{"id": 1}])
    with pytest.raises(InputError, match=r"category 1 has no 'name'"):
        coco.find(tmp_path)
    write(path, [], categories=[{"id": i, "name": str(i)} for i in range(254)])
    with pytest.raises(InputError, match=r"255 classes, the background included; drawn masks hold at most 254"):
        coco.find(tmp_path)
    write(path, [{"id": 1, "image_id": 1, "segments_info": []}])
    with pytest.raises(InputError, match=r"its masks are panoptic PNG files; expected polygons"):
        coco.find(tmp_path)
    write(path, [], ["b.png"])
    with pytest.raises(InputError, match=r"none of the 1 annotated images exists \(b\.png\); put the images below"):
        coco.find(tmp_path)


def test_images_that_are_not_certain(tmp_path):
    for folder in ("one", "two"):
        image(tmp_path / folder / "a.png")
    write(tmp_path / "a.json", [])
    with pytest.raises(InputError, match=r"a\.json: the image a\.png may be any of .*one/a\.png, .*two/a\.png; rename"):
        coco.find(tmp_path)
    write(tmp_path / "a.json", [], ["one/a.png"])
    write(tmp_path / "b.json", [], ["one/a.png"])
    with pytest.raises(InputError, match=r"the image .*one/a\.png is in .*a\.json and in .*b\.json; move one"):
        coco.find(tmp_path)


def test_an_image_of_another_size(tmp_path):
    image(tmp_path / "a.png")
    write(tmp_path / "a.json", [annotation([SQUARE])], width=6, height=8)
    (sample,) = coco.find(tmp_path).samples
    with pytest.raises(InputError, match=r"a\.png has 8 x 6 pixels; expected 6 x 8, as .*a\.json says: put the image"):
        sample.mask.draw(6, 8)


def test_without_pycocotools(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(InputError, match=r"need pycocotools: pip install 'feedbackward\[coco\]'"):
        data(annotation([SQUARE]))
