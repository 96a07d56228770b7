import numpy as np
import pytest
from PIL import Image

from feedbackward.errors import InputError
from feedbackward.importing import recognize
from feedbackward.importing.layouts import cvat

LABELS = "<labels><label><name>road</name></label><label><name>car</name></label></labels>"


@pytest.fixture
def write(tmp_path):
    """Write images of 6 x 4 pixels and an annotations.xml in which a.png has the given shapes."""

    def write(shapes, *, meta=f"<task>{LABELS}</task>", image='name="a.png" width="6" height="4"', head=""):
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.new("RGB", (6, 4)).save(tmp_path / "images" / "a.png")
        text = f"<annotations><meta>{meta}</meta><image id='0' {image}>{shapes}</image></annotations>"
        (tmp_path / "annotations.xml").write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{head}{text}')
        return tmp_path

    return write


@pytest.fixture
def draw(write):
    def draw(*shapes):
        (sample,) = cvat.find(write("".join(shapes))).samples
        return sample.mask.draw(4, 6).tolist()

    return draw


def box(label, left, top, right, bottom, more=""):
    return f'<box label="{label}" xtl="{left}" ytl="{top}" xbr="{right}" ybr="{bottom}" occluded="0" {more}></box>'


def test_an_export(write):
    found = recognize(write(box("car", 1, 1, 3, 3), meta=f"<project>{LABELS}</project>"))
    assert found.layout == "CVAT annotations"
    assert found.classes == {"classes": ["background", "road", "car"]}
    (sample,) = found.samples
    assert (sample.name, sample.split) == ("a", None)
    assert sample.mask.draw(4, 6).tolist() == [[0] * 6, [0, 2, 2, 0, 0, 0], [0, 2, 2, 0, 0, 0], [0] * 6]


def test_a_polygon(draw):
    polygon = '<polygon label="road" points="1.00,0.00;5.00,0.00;5.00,2.00;3.00,2.00;3.00,4.00;1.00,4.00"/>'
    assert draw(polygon) == [[0, 1, 1, 1, 1, 0]] * 2 + [[0, 1, 1, 0, 0, 0]] * 2


def test_a_mask_runs_along_rows(draw):
    mask = '<mask label="car" rle="1, 2, 3, 1, 1, 1" left="2" top="1" width="3" height="3"/>'
    assert draw(mask) == [[0] * 6, [0, 0, 0, 2, 2, 0], [0] * 6, [0, 0, 2, 0, 2, 0]]


def test_a_box_that_is_turned(draw):
    assert draw(box("car", 1, 1, 5, 3, 'rotation="90"')) == [[0, 0, 2, 2, 0, 0]] * 4
    assert draw(box("car", 1, 1, 5, 3, 'rotation="180"')) == [[0] * 6, *[[0, 2, 2, 2, 2, 0]] * 2, [0] * 6]


def test_the_direction_of_a_turn(tmp_path, write):
    # By 45 degrees clockwise, the right end of a long box goes down.
    Image.new("RGB", (9, 9)).save(tmp_path / "b.png")
    for shape in (
        box("car", 0.5, 3.5, 8.5, 5.5, 'rotation="45"'),
        '<ellipse label="car" cx="4.5" cy="4.5" rx="4" ry="1" rotation="45"/>',
    ):
        (sample,) = cvat.find(write(shape, image='name="b.png" width="9" height="9"')).samples
        mask = sample.mask.draw(9, 9)
        assert mask.diagonal().tolist() == [0, 0, 2, 2, 2, 2, 2, 0, 0]
        assert mask[2, 6] == mask[6, 2] == 0


def test_an_ellipse_covers_the_centers_within(draw):
    assert draw('<ellipse label="road" cx="3" cy="2" rx="2.5" ry="1"/>') == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_order(draw):
    low, high = box("car", 0, 0, 4, 4, 'z_order="0"'), box("road", 2, 0, 6, 4, 'z_order="1"')
    assert draw(high, low) == [[2, 2, 1, 1, 1, 1]] * 4
    assert draw(box("car", 0, 0, 4, 4), box("road", 2, 0, 6, 4)) == [[2, 2, 1, 1, 1, 1]] * 4


def test_subsets_and_tags(tmp_path, write):
    write('<tag label="road"/>', image='name="sub/a.png" subset="Validation" width="6" height="4"')
    (sample,) = (found := cvat.find(tmp_path)).samples
    assert (sample.name, sample.split) == ("a", "val")
    assert not sample.mask.draw(4, 6).any()
    note, elsewhere = found.notes
    assert note.endswith("annotations.xml: they are for whole images")
    assert elsewhere.startswith("1 images are taken by their names, and lie elsewhere than annotated: sub/a.png (")


def test_images_that_are_missing(tmp_path, write):
    write("</image><image name='b.png' width='6' height='4'>")
    assert (
        cvat.find(tmp_path)
        .notes[0]
        .endswith("annotations.xml that do not exist, or only in a folder of another split: b.png")
    )
    write("", image='name="b.png" width="6" height="4"')
    with pytest.raises(InputError, match=r"none of the 1 annotated images exists \(b\.png\)"):
        cvat.find(tmp_path)


def test_other_xml_files_are_passed(tmp_path):
    (tmp_path / "voc.xml").write_text("<annotation><object/></annotation>")
    assert cvat.find(tmp_path) is None


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            '<polyline label="car" points="0,0;1,1"/>',
            r"image a\.png cannot be read: there is a polyline, which has no a",
        ),
        ('<points label="car" points="0,0"/>', r"there is a points, .*; expected polygon, box, ellipse or mask"),
        ('<polygon label="bus" points="0,0;1,1;2,2"/>', r"the labels bus are not among those in meta"),
        ('<polygon label="car" points="0,0;1,1"/>', r"a polygon has 4 numbers"),
        ('<polygon label="car" points="0,0;1,x;2,2"/>', r"image a\.png cannot be read: could not convert string"),
        ('<polygon label="car"/>', r"image a\.png has no 'points'"),
        (box("car", 0, 0, 1e9, 1), r"points far outside the image of 6 x 4 pixels"),
        ('<mask label="car" rle="4" left="5" top="0" width="2" height="2"/>', r"a mask lies outside the image of 6 x"),
        ('<mask label="car" rle="3" left="0" top="0" width="2" height="2"/>', r"has not 4 pixels"),
        ('<ellipse label="car" cx="3" cy="2" rx="0" ry="1"/>', r"an ellipse has the radii 0\.0 and 1\.0"),
    ],
)
def test_shapes_that_cannot_be_drawn(write, shape, message):
    with pytest.raises(InputError, match=message):
        cvat.find(write(shape))


def test_damaged_files(tmp_path, write):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n'
    with pytest.raises(InputError, match=r"annotations\.xml has a DOCTYPE or ENTITY, which CVAT does not write"):
        cvat.find(write("", head=bomb))
    with pytest.raises(InputError, match=r"annotations\.xml is for video; export as CVAT for images 1\.1"):
        cvat.find(write("</image><track/><image>"))
    with pytest.raises(InputError, match=r"annotations\.xml is not valid XML: mismatched tag"):
        cvat.find(write("<box>"))
    with pytest.raises(InputError, match=r"image None has no 'name'"):
        cvat.find(write("", image=""))
    path = tmp_path / "annotations.xml"
    path.write_bytes(b"<annotations>\xff</annotations>")
    with pytest.raises(InputError, match=r"annotations\.xml is not UTF-8 text"):
        cvat.find(tmp_path)


def test_a_bomb_in_another_encoding_is_not_parsed(tmp_path):
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "a">]><annotations>&a;</annotations>'
    (tmp_path / "annotations.xml").write_bytes(b"<!--<annotations-->" + text.encode("utf-16"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        cvat.find(tmp_path)


def test_an_image_of_another_size(tmp_path, write):
    write(box("car", 1, 1, 3, 3))
    (sample,) = cvat.find(tmp_path).samples
    with pytest.raises(InputError, match=r"a\.png has 3 x 2 pixels; expected 6 x 4"):
        sample.mask.draw(2, 3)
    assert sample.mask.draw(4, 6).dtype == np.uint8


def test_images_without_an_annotation(tmp_path, write):
    write("")
    Image.new("RGB", (6, 4)).save(tmp_path / "more.png")
    assert cvat.find(tmp_path).notes == (f"left out 1 images without an annotation: {tmp_path / 'more.png'}",)
