import pytest

from feedbackward.cli.parser import command_parser
from feedbackward.cli.prediction_options import add_augment, add_resize, add_tiles, augment_of, resize_of, tiles_of
from feedbackward.errors import InputError
from feedbackward.preprocessing import Resize
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.tiles import Tiles


@pytest.fixture
def parse():
    parser = command_parser("predict")
    add_resize(parser)
    add_tiles(parser)
    add_augment(parser.add_argument_group("averages"))
    return lambda *args: parser.parse_args(list(args))


def test_by_default_the_image_itself_in_the_usual_tiles(parse):
    assert tiles_of(parse()) == Tiles()
    assert augment_of(parse()) == Augment()


@pytest.mark.parametrize(
    ("args", "resize"),
    [
        ([], None),
        (["--size", "512,1024"], Resize(size=(512, 1024))),
        (["--scale", "0.5"], Resize(scale=0.5)),
        (["--longest-side", "640"], Resize(longest_side=640)),
        (["--shortest-side", "480"], Resize(shortest_side=480)),
    ],
)
def test_how_images_are_resized(parse, args, resize):
    assert resize_of(parse(*args)) == resize


def test_two_ways_to_resize_exclude_each_other(parse):
    with pytest.raises(InputError, match="size and scale exclude each other"):
        resize_of(parse("--size", "512,1024", "--scale", "0.5"))


def test_options(parse):
    options = parse("--tile", "512,768", "--overlap", "64", "--flip", "--scales", "0.75", "1", "1.25")
    assert tiles_of(options) == Tiles((512, 768), overlap=64)
    assert augment_of(options) == Augment(flip=True, scales=(0.75, 1.0, 1.25))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--tile", "512"], "--tile is '512'; expected height and width, such as 512,1024"),
        (["--tile", "64,512"], "tiles of 64x512 are too small"),
        (["--tile", "256,256", "--overlap", "200"], "cannot overlap by 200 pixels; expected 0 to 128"),
        (["--overlap", "-1"], "--overlap: expected at least 0, found '-1'"),
        (["--scales", "0"], "--scales: expected more than 0"),
    ],
)
def test_options_out_of_range(parse, args, message):
    with pytest.raises(InputError, match=message):
        tiles_of(parse(*args))
