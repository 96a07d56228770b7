"""Images that predict reads in bands, compared with the same images in memory."""

import json

import jaxtyping
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.cli.main import main
from feedbackward.exporting import export
from feedbackward.models import create_model
from feedbackward.preprocessing import Preprocessing, Resize
from feedbackward.segmenters import reduced

TABLE = ClassTable(("background", "car", "tree"), ((0, 0, 0), (200, 0, 0), (0, 200, 0)))
LARGE = ("--large", "0.05")
"""The images of these tests have about 0.1 megapixels."""

TILES = ("--tile", "128,192", "--overlap", "32")


def saved(folder, channels=3, resize=None):
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=3, in_channels=channels)
    network.preprocessing = Preprocessing((0.5,) * channels, (0.25,) * channels, resize=resize or Resize())
    network.class_table = TABLE
    network.save_pretrained(folder)
    return network


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    saved(folder)
    return folder


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (10, 14, 4), dtype=np.uint8).repeat(31, 0).repeat(25, 1)
    return coarse // 2 + rng.integers(0, 128, coarse.shape, dtype=np.uint8)


def predict(model, source, output, *options):
    main(["predict", str(model), str(source), "--output", str(output), *TILES, *options])


def mask_of(output):
    (path,) = (output / "masks").iterdir()
    with Image.open(path) as image:
        return np.array(image)


def compare(model, source, tmp_path, capsys):
    predict(model, source, tmp_path / "whole", "--save", "masks")
    assert "read in bands" not in capsys.readouterr().err
    predict(model, source, tmp_path / "bands", "--save", "masks", *LARGE)
    assert "read in bands" in capsys.readouterr().err
    expected = mask_of(tmp_path / "whole")
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(mask_of(tmp_path / "bands"), expected)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {"quality": 90}),
        ("a.png", {}),
        ("tiles.tif", {"tile": (64, 48)}),
        ("strips.tif", {"rowsperstrip": 7}),
    ],
)
def test_masks_of_colors(model, pixels, name, options, tmp_path, capsys, caplog):
    if name.endswith("tif"):
        tifffile.imwrite(tmp_path / name, pixels[..., :3], photometric="rgb", compression="zlib", **options)
    else:
        Image.fromarray(pixels[..., :3]).save(tmp_path / name, **options)
    compare(model, tmp_path / name, tmp_path, capsys)
    assert not caplog.messages


@pytest.mark.parametrize("channels", [1, 4])
def test_masks_of_gray_and_of_bands(pixels, channels, tmp_path, capsys):
    saved(tmp_path / "model", channels)
    deep = pixels[..., :channels].astype(np.uint16) * 257
    planar = "contig" if channels > 1 else None
    tifffile.imwrite(
        tmp_path / "a.tif",
        deep if planar else deep[..., 0],
        photometric="minisblack",
        planarconfig=planar,
        rowsperstrip=16,
    )
    compare(tmp_path / "model", tmp_path / "a.tif", tmp_path, capsys)


@pytest.mark.parametrize("resize", [Resize(scale=0.75), Resize(size=(160, 400)), Resize(scale=1.3)], ids=str)
def test_masks_of_a_network_that_resizes(pixels, resize, tmp_path, capsys):
    saved(tmp_path / "model", resize=resize)
    Image.fromarray(pixels[..., :3]).save(tmp_path / "a.png")
    compare(tmp_path / "model", tmp_path / "a.png", tmp_path, capsys)


def test_masks_of_an_exported_file(pixels, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    export(saved(tmp_path / "model").eval(), tmp_path / "a.onnx", format="onnx")
    Image.fromarray(pixels[..., :3]).save(tmp_path / "a.png")
    compare(tmp_path / "a.onnx", tmp_path / "a.png", tmp_path, capsys)


def test_a_file_that_has_to_be_decoded_as_a_whole_is_predicted_with_a_warning(model, pixels, tmp_path, capsys, caplog):
    Image.fromarray(pixels[..., :3]).save(tmp_path / "a.bmp")
    compare(model, tmp_path / "a.bmp", tmp_path, capsys)
    assert f"{tmp_path / 'a.bmp'} is decoded as a whole" in caplog.messages[0]


def test_pictures_show_a_reduced_copy_and_other_outputs_all_pixels(model, pixels, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(reduced, "LONGEST_SIDE", 70)
    Image.fromarray(pixels[..., :3]).save(tmp_path / "a.png")
    kinds = ("--no-legend", "--save", "masks", "palette", "overlays", "contours", "polygons", "shares", "coco")
    predict(model, tmp_path / "a.png", tmp_path / "whole", *kinds)
    predict(model, tmp_path / "a.png", tmp_path / "bands", *kinds, *LARGE)
    line = f"{tmp_path / 'a.png'} (310x350) is read in bands; overlays and contours show it at 62x70\n"
    assert capsys.readouterr().err == line
    for kind in ("overlays", "contours"):
        with (
            Image.open(tmp_path / "bands" / kind / "a.jpg") as small,
            Image.open(tmp_path / "whole" / kind / "a.jpg") as image,
        ):
            assert small.size == (70, 62)
            if kind == "overlays":  # both have the means of blocks of 5x5
                difference = np.array(small, int) - np.array(image.reduce(5), int)
                assert abs(difference.mean()) < 2
                assert abs(difference).mean() < 25
    files = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()]
    same = [path for path in files if path.name != "run.jsonl" and path.suffix != ".jpg"]
    assert len(same) == 8
    for path in same:
        assert (tmp_path / "bands" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes()


def test_thresholds(model, pixels, tmp_path):
    Image.fromarray(pixels[..., :3]).save(tmp_path / "a.png")
    for name, options in (("whole", ()), ("bands", LARGE)):
        predict(model, tmp_path / "a.png", tmp_path / name, "--save", "masks", "--threshold", "car=0.4", *options)
    np.testing.assert_array_equal(mask_of(tmp_path / "bands"), mask_of(tmp_path / "whole"))


def skipped(capsys, *args):
    """Predicts with a file that is skipped, and returns the reason."""
    with pytest.raises(SystemExit) as caught:
        predict(*args, "--json")
    assert caught.value.code == 1
    summary = json.loads(capsys.readouterr().out)
    assert summary["predicted"] == 1
    ((reason),) = [each["reason"] for each in summary["skipped"]]
    return reason


def test_probabilities_are_refused(model, pixels, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels[..., :3]).save(tmp_path / "in/a.png")
    Image.fromarray(pixels[:20, :20, :3]).save(tmp_path / "in/b.png")
    kinds = ("--save", "masks", "confidence", "probabilities")
    reason = skipped(capsys, model, tmp_path / "in", tmp_path / "out", *kinds, *LARGE)
    assert reason == (
        f"{tmp_path / 'in/a.png'} is 310x350 (height x width), and images of more than 0.05 megapixels have no "
        f"confidence and no probabilities; leave these out of --save, or set --large higher"
    )
    assert [path.name for path in (tmp_path / "out/masks").iterdir()] == ["b.png"]


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_a_broken_file_is_skipped_and_nothing_of_it_written(model, pixels, name, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / name
    Image.fromarray(pixels[..., :3]).save(path, **({"compression": "tiff_adobe_deflate"} if "tif" in name else {}))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9" * 20 + data[len(data) // 2 + 40 :])
    Image.fromarray(pixels[:, ::-1, :3]).save(tmp_path / "in/b.png")
    reason = skipped(capsys, model, tmp_path / "in", tmp_path / "out", *LARGE, "--batch-size", "2")
    assert reason.startswith(f"{path} cannot be read: ")
    written = [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert sorted(written) == ["b.jpg", "b.png", "run.jsonl", "skipped.csv"]
