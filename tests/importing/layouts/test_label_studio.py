import json

import pytest
from PIL import Image

from feedbackward.errors import InputError
from feedbackward.importing import recognize
from feedbackward.importing.layouts import label_studio

# Written by label-studio-converter 0.0.59: alpha 255 in row 1, columns 1 to 3; 200 at (2, 2); 100 at (3, 0).
BRUSH = [0, 0, 0, 80, 57, 27, 254, 23, 0, 183, 255, 108, 2, 60, 137, 192, 35, 100, 190, 0]


def region(kind, label, size=(4, 5), **value):
    more = {} if label is None else {kind: [label]}
    return {"type": kind, "original_height": size[0], "original_width": size[1], "value": value | more}


def rectangle(label="cat", x=20, y=25, width=60, height=50, **more):
    return region("rectanglelabels", label, x=x, y=y, width=width, height=height, **more)


def task(*results, image="/data/upload/1/0123abcd-a.png", **more):
    return {"id": 7, "data": {"image": image, "note": "text"}, "annotations": [{"result": list(results)}], **more}


@pytest.fixture
def find(tmp_path):
    """Write a.png of 5 x 4 pixels and an export, and find it."""

    def find(*tasks):
        Image.new("RGB", (5, 4)).save(tmp_path / "a.png")
        (tmp_path / "export.json").write_text(json.dumps(tasks))
        return label_studio.find(tmp_path)

    return find


def drawn(found):
    (sample,) = found.samples
    return sample.mask.draw(4, 5).tolist()


def test_regions(tmp_path, find):
    polygon = region("polygonlabels", "dog", points=[[40, 0], [100, 0], [100, 50], [40, 50]])
    find(task(rectangle(), polygon))
    found = recognize(tmp_path)
    assert found.layout == "Label Studio annotations"
    assert found.classes == {"classes": ["background", "cat", "dog"]}
    assert found.notes == ()
    assert found.samples[0].name == "a"
    assert drawn(found) == [[0, 0, 2, 2, 2], [0, 1, 2, 2, 2], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]


def test_a_brush(find):
    found = find(task(rectangle("dog", 0, 0, 100, 50), region("brushlabels", "cat", format="rle", rle=BRUSH)))
    assert drawn(found) == [[2, 2, 2, 2, 2], [2, 1, 1, 1, 2], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]


@pytest.mark.parametrize(
    "address",
    [
        "a.png",
        "/data/upload/a.png",
        "/data/local-files/?d=folder/a.png",
        "/data/local-files/?d=my%20folder%2Fa.png",
        "https://example.org/images/a.png?token=1",
        "s3://bucket/a.png",
    ],
)
def test_addresses(find, address):
    assert find(task(image=address)).samples[0].image.name == "a.png"


def test_a_name_that_begins_as_an_upload(tmp_path, find):
    Image.new("RGB", (5, 4)).save(tmp_path / "0123abcd-a.png")
    assert find(task()).samples[0].image.name == "0123abcd-a.png"


def test_which_annotation_counts(find):
    first, second = {"result": [rectangle("cat")]}, {"result": [rectangle("dog")]}
    found = find({**task(), "annotations": [first, second, {"result": [], "was_cancelled": True}]})
    assert found.classes == {"classes": ["background", "dog"]}
    assert found.notes[0].endswith("export.json: 1 tasks have several annotations, of which the last counts")


def test_tasks_without_annotation(find):
    found = find(task(), {**task(image="b.png"), "annotations": []})
    assert not any(map(any, drawn(found)))
    assert found.notes[0].endswith("export.json: 1 tasks without an annotation are left out")


def test_former_exports(find):
    former = task(rectangle())
    former["completions"] = former.pop("annotations")
    assert drawn(find(former))[1] == [0, 1, 1, 1, 0]


def test_results_of_whole_images(find):
    found = find(task({"type": "choices", "value": {"choices": ["good"]}}, rectangle()))
    assert drawn(found)[1] == [0, 1, 1, 1, 0]
    assert found.notes[0].endswith("1 results of the type choices are left out: they are for whole images")


def test_images_that_are_missing(find):
    assert (
        find(task(), task(image="b.png"))
        .notes[0]
        .endswith("export.json that do not exist, or only in a folder of another split: b.png")
    )
    with pytest.raises(InputError, match=r"none of the 1 annotated images exists \(b\.png\)"):
        find(task(image="b.png"))


def test_other_lists_are_passed(find):
    assert find({"data": {}}) is None
    assert find() is None


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (
            region("keypointlabels", "cat"),
            r"task 7 cannot be read: a result is of the type keypointlabels; expected po",
        ),
        (region("brushlabels", "cat", rle=BRUSH[:9]), r"task 7 cannot be read: the brush is truncated"),
        (region("brushlabels", "cat", (5, 5), rle=BRUSH), r"the brush has 80 values; expected 5 x 5 x 4"),
        (region("brushlabels", "cat", rle=[300]), r"task 7 cannot be read: bytes must be in range"),
        (region("polygonlabels", "cat", points=[[0, 0], [1, 1]]), r"a polygon has 4 numbers"),
        (region("polygonlabels", "cat"), r"task 7 has no 'points'"),
        (region("polygonlabels", None, points=[]), r"a region has 0 labels \[\]; expected one"),
        (rectangle(rotation=10), r"a rectangle is rotated by 10 degrees; draw a polygon instead"),
        ({**rectangle(), "image_rotation": 90}, r"the image is rotated by 90 degrees in Label Studio; expected 0"),
        ({"value": {}}, r"task 7 has no 'type'"),
    ],
)
def test_damaged_results(find, result, message):
    with pytest.raises(InputError, match=message):
        find(task(result))


def test_damaged_tasks(find):
    with pytest.raises(InputError, match=r"task 7 cannot be read: its data name 0 images; expected one file such as"):
        find(task(image="/data/a.mp4"))
    bigger = region("polygonlabels", "cat", (8, 9), points=[[0, 0], [1, 0], [1, 1]])
    with pytest.raises(InputError, match=r"its regions are for images of different sizes, \(4, 5\), \(8, 9\)"):
        find(task(rectangle(), bigger))
    (sample,) = find(task(bigger)).samples
    with pytest.raises(InputError, match=r"a\.png has 5 x 4 pixels; expected 9 x 8, as .*export\.json says"):
        sample.mask.draw(4, 5)


def test_images_without_an_annotation(tmp_path, find):
    Image.new("RGB", (6, 4)).save(tmp_path / "more.png")
    assert find(task()).notes == (f"left out 1 images without an annotation: {tmp_path / 'more.png'}",)
