"""`feedbackward train` and fb.train on small data sets of several kinds."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import yaml
from PIL import Image

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.cli.main import main
from feedbackward.cli.train import network_arguments

FAST = ("--encoder", "test_resnet", "--weights", "none", "--epochs", "1")


@pytest.fixture
def squares():
    """Draws images with a bright square, and says where it is."""
    random = np.random.default_rng(0)

    def draw(height=48, width=64, channels=3, dtype=np.uint8, most=255):
        image = random.integers(0, most // 3, (height, width, channels)).astype(dtype)
        y, x = (int(value) for value in random.integers(4, 20, 2))
        image[y : y + 20, x : x + 20] += np.array(most // 2, dtype)
        return image, (x, y)

    return draw


@pytest.fixture
def labelme(tmp_path, squares):
    """Twelve images of two sizes, each with a labelme file."""
    folder = tmp_path / "labelme"
    folder.mkdir()
    for number in range(12):
        image, (x, y) = squares(*((48, 64) if number % 3 else (64, 48)))
        Image.fromarray(image).save(folder / f"{number}.jpg")
        points = [[x, y], [x + 19, y], [x + 19, y + 19], [x, y + 19]]
        shapes = [{"label": "box", "points": points, "shape_type": "polygon"}]
        (folder / f"{number}.json").write_text(json.dumps({"shapes": shapes, "imagePath": f"{number}.jpg"}))
    return folder


def test_labelme_files_are_trained_on_and_predicted_with_two_commands(labelme, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["train", "labelme", *FAST])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "found labelme files in labelme: 12 images",
        "classes (2): background, box",
        "images: 11 train, 1 val (divided by a hash of their names: --val, --group, --seed)",
        "images as they are, trained on crops of 32x64 (--size)",
    ]
    assert lines[-1] == "predict with: feedbackward predict runs/labelme/model IMAGES"
    assert (tmp_path / "runs/labelme/report.html").is_file()
    main(["predict", "runs/labelme/model", "labelme", "--output", "out", "--quiet"])
    assert len(list((tmp_path / "out/masks").iterdir())) == 12
    with pytest.raises(SystemExit):
        main(["train", "labelme", *FAST])
    error = capsys.readouterr().err
    assert "runs/labelme contains a training already; continue it with feedbackward fit --config runs/labelme/" in error
    assert "or choose another folder with --output" in error


def test_a_coco_export_is_trained_on_and_predicted_with_two_commands(tmp_path, monkeypatch, squares, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "coco" / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(12):
        image, (x, y) = squares()
        Image.fromarray(image).save(f"coco/images/{number}.jpg")
        images.append({"id": number, "file_name": f"{number}.jpg", "height": 48, "width": 64})
        corners = [x, y, x + 20, y, x + 20, y + 20, x, y + 20]
        annotations.append({"id": number, "image_id": number, "category_id": 7, "segmentation": [corners]})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 7, "name": "box"}]}
    (tmp_path / "coco" / "annotations.json").write_text(json.dumps(content))
    main(["train", "coco", *FAST])
    printed = capsys.readouterr().out
    assert "found COCO annotations in coco: 12 images" in printed
    assert "classes (2): background, box" in printed
    assert (tmp_path / "runs/coco/report.html").is_file()
    main(["predict", "runs/coco/model", "coco/images", "--output", "out", "--quiet"])
    assert len(list((tmp_path / "out/masks").iterdir())) == 12


def test_a_training_goes_on_from_a_network_with_other_classes(labelme, tmp_path, squares):
    first = fb.train(labelme, encoder="test_resnet", weights="none", epochs=1, output=tmp_path / "first")
    for number in range(12):
        path = labelme / f"{number}.json"
        path.write_text(path.read_text().replace('"box"', '"box"' if number % 2 else '"lid"'))
    second = fb.train(labelme, start_from=first.model, epochs=1, lr=1e-9, output=tmp_path / "second")
    old, new = fb.from_pretrained(first.model), fb.from_pretrained(second.model)
    assert new.class_table.names == ("background", "box", "lid")
    assert new.config == {**old.config, "classes": 3}
    torch_rows = [network.state_dict()["head.pointwise.weight"][1] for network in (old, new)]
    np.testing.assert_allclose(*(rows.numpy() for rows in torch_rows), atol=1e-6)


def test_tiffs_of_five_bands_with_binary_masks(tmp_path, squares, capsys):
    for number in range(6):
        image, (x, y) = squares(channels=5, dtype=np.uint16, most=4000)
        mask = np.zeros(image.shape[:2], np.uint8)
        mask[y : y + 20, x : x + 20] = 255
        for name, array in ((f"s{number}.tif", image), (f"s{number}_mask.tif", mask)):
            (tmp_path / "bands").mkdir(exist_ok=True)
            tifffile.imwrite(tmp_path / "bands" / name, array, planarconfig="contig" if array.ndim == 3 else None)
    run = fb.train(
        tmp_path / "bands",
        encoder="test_resnet",
        weights="none",
        epochs=1,
        classes="field,pond",
        output=tmp_path / "run",
    )
    printed = capsys.readouterr().out
    assert "classes (2): field, pond" in printed
    assert "images of 5 channels" in printed
    assert "values from 0 to 4095 (uint16) become 0 to 1" in printed
    network = fb.from_pretrained(run.model)
    assert (network.preprocessing.in_channels, network.preprocessing.value_range) == (5, (0, 4095))
    assert network.class_table.values == (0, 255)
    result = fb.load(run.model)(tmp_path / "bands" / "s0.tif")
    assert result.mask.shape == (48, 64)


def test_what_failed_before_the_first_epoch_can_be_tried_again(labelme, tmp_path, capsys):
    output = tmp_path / "run"
    command = ["train", str(labelme), "--encoder", "test_resnet", "--epochs", "1", "--output", str(output)]
    with pytest.raises(SystemExit):
        main([*command, "--weights", "nothing.pth"])
    assert "error: --weights: no file 'nothing.pth'" in capsys.readouterr().err
    assert not (output / "data").exists()
    main([*command, "--weights", "none", "--device", "cpu", "--size", "32,48", "--batch-size", "2"])
    assert "images resized to 32x48 (--size)" in capsys.readouterr().out


def test_a_run_is_tracked_and_named_after_its_data(labelme, tmp_path):
    run = fb.train(labelme, encoder="test_resnet", weights="none", epochs=1, tracker="csv", output=tmp_path / "boxes_1")
    metrics = json.loads(run.metrics.read_text())
    assert (metrics["run"], metrics["data"]) == ("boxes_1", "labelme")
    assert (run.root / "csv/version_0/metrics.csv").is_file()
    assert not (run.root / "tensorboard").exists()
    with pytest.raises(fb.InputError, match="unknown tracker 'csw'; did you mean csv"):
        fb.train(labelme, tracker="csw", output=tmp_path / "boxes_2")
    assert not (tmp_path / "boxes_2").exists()


@pytest.mark.parametrize("layout", ["labelme", "camvid"])
def test_a_folder_that_was_there_before_is_never_removed(layout, labelme, tmp_path):
    """The data set itself may lie where the run would put its own copy."""
    data = labelme.rename(tmp_path / "data")
    if layout == "camvid":
        for folder in ("train", "trainannot", "val", "valannot"):
            (data / folder).mkdir()
    before = sorted(data.iterdir())
    with pytest.raises(fb.InputError, match="data exists and is not an empty folder; give a new one"):
        fb.train(data, encoder="test_resnet", weights="none", epochs=1, output=tmp_path)
    assert sorted(data.iterdir()) == before


def test_camvid_is_read_as_it_is(tmp_path, squares, capsys):
    for split, count in (("train", 2), ("val", 1)):
        for number in range(count):
            image, _ = squares()
            for folder, array in ((split, image), (f"{split}annot", np.zeros(image.shape[:2], np.uint8))):
                (tmp_path / "camvid" / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(tmp_path / "camvid" / folder / f"{number}.png")
    main(["train", str(tmp_path / "camvid"), *FAST, "--output", str(tmp_path / "run")])
    assert capsys.readouterr().out.startswith(f"found camvid in {tmp_path}/camvid\n")
    assert not (tmp_path / "run" / "data").exists()
    for options in ({"classes": "a,b"}, {"val": 0.2}, {"group": "x"}):
        with pytest.raises(
            fb.InputError, match="is camvid, which has its own classes and splits; omit --classes, --val"
        ):
            fb.train(tmp_path / "camvid", **options, output=tmp_path / "other")


def test_a_recipe_determines_what_is_not_given(labelme, tmp_path, capsys):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "model: {name: test_resnet, encoder_weights: null}\n"
        "trainer: {max_epochs: 2}\n"
        "data: {class_path: feedbackward.data.folder.FolderData, init_args: {size: [32, 32]}}\n"
        "seed_everything: 7\n"
    )
    run = fb.train(labelme, recipe=str(recipe), output=tmp_path / "run")
    config = yaml.safe_load(run.config.read_text())
    assert (config["model"]["name"], config["model"]["encoder_weights"]) == ("test_resnet", None)
    assert (config["trainer"]["max_epochs"], config["seed_everything"]) == (2, 7)
    assert config["data"]["init_args"]["size"] == [32, 32]
    assert config["data"]["init_args"]["longest_side"] is None
    assert "images as they are" not in capsys.readouterr().out
    run = fb.train(labelme, recipe=str(recipe), epochs=1, seed=3, output=tmp_path / "other")
    config = yaml.safe_load(run.config.read_text())
    assert (config["trainer"]["max_epochs"], config["seed_everything"]) == (1, 3)


def test_a_network_goes_on_with_its_own_normalization(labelme, tmp_path, capsys):
    table = ClassTable(("background", "box"), ((0, 0, 0), (9, 9, 9)))
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None)
    network.class_table = table
    network.preprocessing = replace(network.preprocessing, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    network.save_pretrained(tmp_path / "first")
    run = fb.train(labelme, start_from=tmp_path / "first", epochs=1, output=tmp_path / "run")
    assert f"started from {tmp_path}/first: classifier kept for background, box" in capsys.readouterr().out
    found = fb.from_pretrained(run.model).preprocessing
    assert (found.mean, found.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    capsys.readouterr()
    main(["validate", "--config", str(run.config), "--json", str(tmp_path / "scores.json")])
    best = json.loads(run.metrics.read_text())["best"]
    assert json.loads((tmp_path / "scores.json").read_text())["confusion"] == best["confusion"]


def test_a_split_of_its_own_is_kept(labelme, tmp_path):
    for split, numbers in (("train", range(10)), ("val", range(10, 12))):
        (labelme / split).mkdir()
        for number in numbers:
            for suffix in ("jpg", "json"):
                (labelme / f"{number}.{suffix}").rename(labelme / split / f"{number}.{suffix}")
    with pytest.raises(fb.InputError, match="has its own validation images; omit --val and --group"):
        fb.train(labelme, val=0.3, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_gray_images_among_colors_of_16_bits_are_read_as_colors(tmp_path, squares):
    for number in range(6):
        image, _ = squares(dtype=np.uint16, most=900)
        image = image[..., 0] if number % 2 else image
        (tmp_path / "data" / "images").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / "masks").mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(tmp_path / "data" / "images" / f"{number}.tif", image, photometric=None)
        Image.fromarray((image.reshape(48, 64, -1)[..., 0] > 400).astype(np.uint8)).save(
            tmp_path / "data" / "masks" / f"{number}.png"
        )
    run = fb.train(tmp_path / "data", encoder="test_resnet", weights="none", epochs=1, output=tmp_path / "run")
    preprocessing = fb.from_pretrained(run.model).preprocessing
    assert (preprocessing.channels, preprocessing.value_range) == ("RGB", (0, 1023))


def test_images_of_different_kinds_leave_nothing_behind(tmp_path, squares):
    for number in range(4):
        image, _ = squares(dtype=(np.uint8, np.uint16)[number % 2], most=250)
        for kind, array in (("images", image), ("masks", (image[..., 0] > 99).astype(np.uint8))):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(tmp_path / "data" / kind / f"{number}.tif", array)
    message = (
        "the images have different types of values: uint16 in 2 images, uint8 in 2 images; a network takes one kind"
    )
    with pytest.raises(fb.InputError, match=message):
        fb.train(tmp_path / "data", output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no folder nowhere; give the folder that contains the data set"),
        (["."], "has no layout that is known; found nothing; expected one of: "),
        ([".", "--device", "tpu"], "--device is 'tpu'; expected cpu, cuda, cuda:1 or mps"),
        ([".", "--encodr", "x"], "unknown option --encodr; did you mean --encoder?"),
        ([".", "--enc", "x"], "unknown option --enc; "),
        ([".", "--epochs", "0"], "--epochs: expected more than 0, found '0'"),
        ([".", "--size", "big"], "--size is 'big'; expected height and width"),
        ([".", "--val", "1"], "--val: "),
        (
            [".", "--from", "x", "--encoder", "y"],
            "--from x has its own encoder and weights; omit --encoder and --weights",
        ),
    ],
)
def test_mistakes_are_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["train", *arguments])
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--seed", "-1", "--seed is -1; expected 0 to 4294967295"),
        ("--size", "0", "--size is 0; expected a whole number of pixels"),
        ("--size", "9999999,4", "--size is [9999999, 4]; expected [height, width]"),
        ("--cache", "labelme/0.jpg", "--cache labelme/0.jpg is a file; give a folder"),
        ("--lr", "inf", "--lr is inf; expected a finite number above 0"),
        ("--batch-size", "9999999999", "--batch-size is 9999999999; expected 1 or more"),
        ("--weights", "nowhere.pth", "--weights: no file 'nowhere.pth'"),
        ("--freeze-encoder", None, "has learned nothing; give --weights"),
    ],
)
def test_a_refused_option_has_the_name_that_was_typed_and_leaves_nothing_behind(
    option, value, message, labelme, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["train", "labelme", *FAST, option, *([] if value is None else [value])])
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert [path.name for path in tmp_path.iterdir()] == ["labelme"]


def test_images_are_kept_in_a_cache(labelme, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["train", "labelme", *FAST, "--cache", "kept", "--output", "run"])
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert config["data"]["init_args"]["cache"] == "kept"
    assert any(path.is_file() for path in (tmp_path / "kept").rglob("*"))


@pytest.mark.parametrize(
    ("weights", "line"),
    [
        (None, "network: resnet18 with ImageNet weights"),
        ("none", "network: resnet18 with random weights"),
        ("lite.pth", "network: resnet18 with the weights of lite.pth"),
    ],
)
def test_a_line_says_which_weights_the_encoder_has(weights, line):
    assert network_arguments("resnet18", weights, None, freeze_encoder=False)[1] == [line]


def test_a_baseline_is_continued_by_its_name(tmp_path):
    network = fb.create_model("segnet", classes=2, encoder_weights=None, encoder_name="vgg11")
    network.save_pretrained(tmp_path)
    arguments, _ = network_arguments(None, None, tmp_path, freeze_encoder=False)
    assert arguments[2:] == ["--model.name", "segnet", "--model.encoder_name", "vgg11"]
