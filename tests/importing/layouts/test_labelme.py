import base64
import json
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from feedbackward.errors import InputError
from feedbackward.importing import recognize
from feedbackward.importing.layouts import labelme


def shape(kind, *points, label="cat", **more):
    return {"label": label, "shape_type": kind, "points": points, **more}


def png(*rows):
    file = BytesIO()
    Image.fromarray(np.array(rows, np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture
def find(tmp_path):
    """Write a.png of 7 x 5 pixels with its labelme file, and find it."""

    def find(*shapes, **more):
        Image.new("RGB", (7, 5)).save(tmp_path / "a.png")
        data = {"shapes": shapes, "imagePath": "a.png", "imageHeight": 5, "imageWidth": 7, "imageData": "00", **more}
        (tmp_path / "a.json").write_text(json.dumps(data))
        return labelme.find(tmp_path)

    return find


def drawn(found):
    (sample,) = found.samples
    return sample.mask.draw(5, 7).tolist()


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        # Coordinates are those of pixel centers, and the outline belongs to the shape.
        (shape("polygon", (1, 1), (4, 1), (4, 3), (1, 3)), ["0000000", "0111100", "0111100", "0111100", "0000000"]),
        (shape(None, (0, 0), (4, 0), (0, 4)), ["1111100", "1111000", "1110000", "1100000", "1000000"]),
        (shape("rectangle", (4, 3), (1, 1)), ["0000000", "0111100", "0111100", "0111100", "0000000"]),
        (
            shape("rectangle", (1, 1), (4, 1), (4, 3), (1, 3)),
            ["0000000", "0111100", "0111100", "0111100", "0000000"],
        ),
        (
            shape("oriented_rectangle", (3, 0), (5, 2), (3, 4), (1, 2)),
            ["0001000", "0011100", "0111110", "0011100", "0001000"],
        ),
        (shape("circle", (3, 2), (4, 2)), ["0000000", "0001000", "0011100", "0001000", "0000000"]),
        (
            shape("mask", (2, 1), (4, 2), mask=png([0, 255, 0], [1, 0, 255])),
            ["0000000", "0001000", "0010100", "0000000", "0000000"],
        ),
    ],
)
def test_shapes_by_hand(find, one, expected):
    assert ["".join(map(str, row)) for row in drawn(find(one))] == expected


def test_lines_and_points_have_the_width_of_labelme(find):
    assert all(map(all, drawn(find(shape("line", (0, 2), (6, 2))))))
    assert all(map(all, drawn(find(shape("linestrip", (0, 2), (3, 2), (6, 2))))))
    assert all(map(all, drawn(find(shape("point", (3, 2))))))


def test_order_and_particular_labels(tmp_path, find):
    find(
        shape("rectangle", (0, 0), (6, 4), label="wall"),
        shape("rectangle", (1, 1), (5, 3), label="cat"),
        shape("rectangle", (2, 2), (2, 2), label="_background_"),
        shape("rectangle", (6, 4), (6, 4), label="__ignore__"),
    )
    found = recognize(tmp_path)
    assert found.layout == "labelme files"
    assert found.classes == {"classes": ["_background_", "cat", "wall"]}
    assert drawn(found) == [
        [2, 2, 2, 2, 2, 2, 2],
        [2, 1, 1, 1, 1, 1, 2],
        [2, 1, 0, 1, 1, 1, 2],
        [2, 1, 1, 1, 1, 1, 2],
        [2, 2, 2, 2, 2, 2, 255],
    ]


def test_images_without_annotation(tmp_path, find):
    Image.new("RGB", (7, 5)).save(tmp_path / "b.png")
    found = find()
    assert [sample.name for sample in found.samples] == ["a"]
    assert found.notes == (f"left out 1 images without an annotation: {tmp_path / 'b.png'}",)


def test_splits_and_images_elsewhere(tmp_path):
    for folder in ("images", "val"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (3, 3)).save(tmp_path / "images" / "c.png")
    (tmp_path / "val" / "a.json").write_text(json.dumps({"shapes": [], "imagePath": "..\\images\\c.png"}))
    found = labelme.find(tmp_path)
    (sample,) = found.samples
    assert (sample.name, sample.split, sample.image.name) == ("a", "val", "c.png")
    assert found.notes == ()
    assert not sample.mask.draw(3, 3).any()


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (shape("star", (0, 0)), r"a\.json: shape 0 cannot be read: 'cat' is a star; expected one of polygon, oriented"),
        (shape("polygon", (0, 0), (1, 1)), r"the polygon 'cat' has 2 points; expected at least 3"),
        (shape("polygon", (0, 0), (1, 1), (2,)), r"shape 0 cannot be read: not enough values"),
        (shape("circle", (0, 0), (1, 1), (2, 2)), r"the circle 'cat' has 3 points; expected 2"),
        (shape("point", (0, 0), (1, 1)), r"the point 'cat' has 2 points; expected 1"),
        (shape("point"), r"the point 'cat' has 0 points; expected at least 1"),
        ({"points": []}, r"shape 0 has no 'label'"),
        (shape("mask", (0, 0), (1, 1)), r"shape 0 has no 'mask'"),
        (shape("mask", (0, 0), (1, 1), mask="?"), r"shape 0 cannot be read: "),
        (shape("mask", (0, 0), (1, 1), mask="aaaa"), r"the mask is not a gray PNG of 2 x 2 pixels, as its box"),
        (shape("mask", (0, 0), (1, 1), mask=png([1, 1])), r"the mask is not a gray PNG of 2 x 2 pixels"),
        (shape("mask", (6, 0), (7, 0), mask=png([1, 1])), r"the mask 'cat' lies outside the image of 7 x 5 pixels"),
    ],
)
def test_shapes_that_cannot_be_drawn(find, one, message):
    with pytest.raises(InputError, match=message):
        drawn(find(one))


def test_damaged_files(tmp_path, find):
    with pytest.raises(InputError, match=r"its image .*b\.png does not exist \(beside it lies .*a\.png\); put the im"):
        find(imagePath="b.png")
    with pytest.raises(InputError, match=r"its image .*bbb\.png does not exist \(beside it lies .*a\.png\)"):
        find(imagePath=f"{300 * 'b'}.png")
    (sample,) = find(imageHeight=7, imageWidth=5).samples
    with pytest.raises(InputError, match=r"a\.png has 7 x 5 pixels; expected 5 x 7"):
        sample.mask.draw(5, 7)
    Image.new("RGB", (7, 5)).save(tmp_path / "a.jpg")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.json").write_text(json.dumps({"shapes": [], "imagePath": "../a.jpg"}))
    with pytest.raises(InputError, match=r"images of one name \(1\): a; rename one"):
        labelme.find(tmp_path)
