import pytest

from feedbackward.cli.parser import command_parser
from feedbackward.cli.prediction_options import add_augment, add_tiles, augment_of, tiles_of
from feedbackward.errors import InputError
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.tiles import Tiles


@pytest.fixture
def parse():
    parser = command_parser("predict")
    add_tiles(parser)
    add_augment(parser.add_argument_group("averages"))
    return lambda *args: parser.parse_args(list(args))


def test_by_default_the_image_itself_in_the_usual_tiles(parse):
    assert tiles_of(parse()) == Tiles()
    assert augment_of(parse()) == Augment()


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
