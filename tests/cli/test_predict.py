import csv
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.cli import prediction_run
from feedbackward.cli.main import main
from feedbackward.data.cityscapes_labels import CITYSCAPES, LABELS
from feedbackward.data.files import check_image
from feedbackward.exporting import export
from feedbackward.models import create_model, load_network
from feedbackward.nn import DenseCRF
from feedbackward.preprocessing import Resize
from feedbackward.segmenters import Predictor
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.journal import JOURNAL
from feedbackward.segmenters.video import Frame, read_video, write_video

TABLE = ClassTable(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folders of two tiny networks with random weights, by their number of classes."""
    folders = {}
    for table in (TABLE, CITYSCAPES):
        torch.manual_seed(0)
        network = create_model("test_resnet", encoder_weights=None, classes=len(table))
        network.class_table = table
        folders[len(table)] = tmp_path_factory.mktemp("network")
        network.save_pretrained(folders[len(table)])
    return folders


@pytest.fixture
def scenes(tmp_path):
    """A folder of two scenes of different sizes, named as in Cityscapes."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "scenes"
    for name, size in (("berlin/berlin_000000_000019", (33, 50)), ("ulm/ulm_000001_000019", (64, 40))):
        path = folder / f"{name}_leftImg8bit.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return folder


def predict(model, source, output, *more):
    sources = source if isinstance(source, list) else [source]
    main(["predict", str(model), *map(str, sources), "--output", str(output), *more])


def files(folder):
    """The output files."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(set(found) - {JOURNAL})


def read(path):
    with Image.open(path) as image:
        return np.array(image)


def refused(capsys, *args):
    """Returns the error message and checks that nothing else was printed."""
    with pytest.raises(SystemExit) as caught:
        predict(*args)
    assert caught.value.code == 2
    output, message = capsys.readouterr()
    assert output == ""
    assert message.startswith("error: ")
    return message


def test_a_folder_becomes_masks_and_overlays(saved, scenes, tmp_path, capsys):
    output = tmp_path / "out"
    predict(saved[3], scenes, output)
    assert files(output) == [
        "masks/berlin/berlin_000000_000019_leftImg8bit.png",
        "masks/ulm/ulm_000001_000019_leftImg8bit.png",
        "overlays/berlin/berlin_000000_000019_leftImg8bit.jpg",
        "overlays/ulm/ulm_000001_000019_leftImg8bit.jpg",
    ]
    predictor = Predictor(load_network(saved[3]))
    counts = np.zeros(3)
    for mask in (output / "masks").rglob("*.png"):
        image = read(scenes / mask.relative_to(output / "masks"))
        np.testing.assert_array_equal(read(mask), predictor.predict(image))
        counts += np.bincount(read(mask).ravel(), minlength=3)
        overlay = output / "overlays" / mask.relative_to(output / "masks").with_suffix(".jpg")
        assert read(overlay).shape[0] >= image.shape[0]
    summary = capsys.readouterr().out
    assert "2 images" in summary
    for name, count in zip(TABLE.names, counts, strict=True):
        assert (f"{count / counts.sum():.2%}" in summary and name in summary) or count == 0
    assert str(output / "masks") in summary


def test_one_image_without_overlay(saved, scenes, tmp_path):
    image = next(scenes.rglob("ulm*.png"))
    predict(saved[3], image, tmp_path / "out", "--save", "masks", "--device", "cpu", "--scale", "0.5")
    assert files(tmp_path / "out") == ["masks/ulm_000001_000019_leftImg8bit.png"]
    expected = Predictor(load_network(saved[3]), resize=Resize(scale=0.5)).predict(read(image))
    np.testing.assert_array_equal(read(tmp_path / "out/masks/ulm_000001_000019_leftImg8bit.png"), expected)


def test_scores_refined_by_the_crf(saved, scenes, tmp_path):
    image = next(scenes.rglob("ulm*.png"))
    predict(saved[3], image, tmp_path / "out", "--save", "masks", "--crf")
    found = read(tmp_path / "out/masks/ulm_000001_000019_leftImg8bit.png")
    expected = Predictor(load_network(saved[3]), crf=DenseCRF()).predict(read(image))
    np.testing.assert_array_equal(found, expected)
    assert (found != Predictor(load_network(saved[3])).predict(read(image))).any()


@pytest.fixture(scope="module")
def exported(saved, tmp_path_factory):
    """The files of the network with three classes for onnxruntime and OpenVINO."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxtyping.config, "jaxtyping_disable", True)
        folder, network = tmp_path_factory.mktemp("exported"), load_network(saved[3])
        for name, format in (("network.onnx", "onnx"), ("network.xml", "openvino")):
            export(network, folder / name, format=format)
    return folder


@pytest.mark.parametrize("name", ["network.onnx", "network.xml"])
def test_an_exported_file_predicts_like_its_network(saved, exported, scenes, tmp_path, name):
    image = next(scenes.rglob("ulm*.png"))
    predict(exported / name, image, tmp_path / "out", "--save", "masks")
    expected = Predictor(load_network(saved[3])).predict(read(image))
    np.testing.assert_array_equal(read(tmp_path / "out/masks/ulm_000001_000019_leftImg8bit.png"), expected)


@pytest.mark.parametrize("name", ["network.onnx", "network.xml"])
def test_an_exported_file_is_predicted_without_torch(exported, scenes, tmp_path, name):
    command = ["predict", exported / name, scenes, "--output", tmp_path / "out"]
    script = f"""
import sys
from feedbackward.cli import prediction_run
from feedbackward.cli.main import main
main({list(map(str, command))})
print(*{{"torch", "torchvision", "timm", "lightning"}}.intersection(sys.modules), "imported")
"""
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert finished.stdout.splitlines()[-1].strip() == "imported"
    assert len(files(tmp_path / "out")) == 4


def test_a_device_on_which_a_file_does_not_run(exported, scenes, tmp_path, capsys):
    message = refused(capsys, exported / "network.onnx", scenes, tmp_path / "out", "--device", "cuda")
    assert "network.onnx runs on device cpu, not on cuda" in message


@pytest.mark.parametrize(
    ("options", "resize"),
    [
        (["--size", "40,24"], Resize(size=(40, 24))),
        (["--longest-side", "32"], Resize(longest_side=32)),
        (["--shortest-side", "30"], Resize(shortest_side=30)),
    ],
)
def test_images_resized_otherwise_than_in_the_training(saved, scenes, tmp_path, capsys, options, resize):
    image = next(scenes.rglob("ulm*.png"))
    predict(saved[3], image, tmp_path / "out", "--save", "masks", *options)
    assert f"images are {resize}; the network was trained on images not resized\n" in capsys.readouterr().err
    expected = Predictor(load_network(saved[3]), resize=resize).predict(read(image))
    np.testing.assert_array_equal(read(next((tmp_path / "out/masks").iterdir())), expected)


def test_averages_over_flips_and_scales(saved, scenes, tmp_path):
    image = next(scenes.rglob("ulm*.png"))
    predict(saved[3], image, tmp_path / "out", "--save", "masks", "--flip", "--scales", "0.5", "1")
    expected = Predictor(load_network(saved[3]), augment=Augment(True, (0.5, 1.0))).predict(read(image))
    np.testing.assert_array_equal(read(next((tmp_path / "out/masks").iterdir())), expected)


def test_half_precision(saved, exported, scenes, tmp_path, capsys):
    predict(saved[3], scenes, tmp_path / "fp32", "--save", "masks")
    predict(saved[3], scenes, tmp_path / "bf16", "--save", "masks", "--precision", "bf16")
    for name in files(tmp_path / "fp32"):
        assert (read(tmp_path / "fp32" / name) == read(tmp_path / "bf16" / name)).mean() > 0.9
    capsys.readouterr()
    message = refused(capsys, exported / "network.onnx", scenes, tmp_path / "out", "--precision", "fp16")
    assert "an exported file has a precision of its own" in message


def test_the_submission_of_cityscapes(saved, scenes, tmp_path, capsys):
    output = tmp_path / "out"
    predict(saved[19], scenes, output, "--save", "submission")
    assert files(output) == [
        "submission.zip",
        "submission/berlin_000000_000019.png",
        "submission/ulm_000001_000019.png",
    ]
    label_id = {label.train_id: label.id for label in LABELS if label.train_id != 255}
    predictor = Predictor(load_network(saved[19]))
    train_ids = predictor.predict(read(next(scenes.rglob("berlin*.png"))))
    np.testing.assert_array_equal(
        read(output / "submission/berlin_000000_000019.png"), np.vectorize(label_id.get)(train_ids)
    )
    with zipfile.ZipFile(output / "submission.zip") as archive:
        assert archive.namelist() == ["berlin_000000_000019.png", "ulm_000001_000019.png"]
    assert str(output / "submission.zip") in capsys.readouterr().out


def test_the_submission_needs_the_19_classes(saved, scenes, tmp_path, capsys):
    message = refused(capsys, saved[3], scenes, tmp_path / "out", "--save", "submission")
    assert "the 19 Cityscapes classes, but this one has 3: road, sky, car" in message
    assert not (tmp_path / "out").exists()


def damage(path):
    """Damages a PNG in its middle: its header and its end are intact."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    path.write_bytes(data)
    check_image(path)


@pytest.fixture
def broken(scenes):
    """A scene that is damaged, before the others."""
    path = scenes / "a.png"
    path.write_bytes(next(scenes.rglob("ulm*.png")).read_bytes())
    damage(path)
    return path


def skipped_rows(folder):
    with (folder / "skipped.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def skipping(capsys, *args):
    """Predicts with files that are skipped; returns what was printed on stdout and stderr."""
    with pytest.raises(SystemExit) as caught:
        predict(*args)
    assert caught.value.code == 1
    return capsys.readouterr()


def test_a_file_that_cannot_be_read_is_skipped(saved, scenes, broken, tmp_path, capsys):
    _, errors = skipping(capsys, saved[3], scenes, tmp_path / "out")
    assert f"skipped: {broken} cannot be read" in errors
    assert errors.endswith(f"skipped 1 of 3: see {tmp_path / 'out/skipped.csv'}\n")
    assert len(files(tmp_path / "out/masks")) == 2
    (row,) = skipped_rows(tmp_path / "out")
    assert row["file"] == str(broken)
    assert row["reason"].startswith(f"{broken} cannot be read")


def test_the_list_of_skipped_files_is_that_of_the_last_run(saved, scenes, broken, tmp_path, capsys):
    skipping(capsys, saved[3], scenes, tmp_path / "out")
    Image.new("RGB", (9, 8)).save(broken)
    predict(saved[3], scenes, tmp_path / "out")
    assert "2 of 3 are done already; predicting 1" in capsys.readouterr().err
    assert len(files(tmp_path / "out/masks")) == 3
    assert not (tmp_path / "out/skipped.csv").exists()


def test_strict_stops_at_the_first_file_that_cannot_be_read(saved, scenes, broken, tmp_path, capsys):
    assert f"error: {broken} cannot be read" in refused(capsys, saved[3], scenes, tmp_path / "out", "--strict")


def test_files_that_are_no_images_are_counted(saved, scenes, tmp_path, capsys):
    (scenes / "notes.txt").touch()
    (scenes / "ulm" / ".hidden.png").touch()
    predict(saved[3], scenes, tmp_path / "out")
    assert capsys.readouterr().err == "left out 2: 1 of another type (notes.txt), 1 hidden (.hidden.png)\n"


def test_several_sources(saved, scenes, tmp_path):
    (tmp_path / "list.txt").write_text("scenes/ulm/ulm_000001_000019_leftImg8bit.png\n")
    Image.new("RGB", (9, 8)).save(tmp_path / "a.png")
    sources = [f"{scenes}/b*", f"@{tmp_path}/list.txt", tmp_path / "a.png"]
    predict(saved[3], sources, tmp_path / "out", "--save", "masks")
    assert files(tmp_path / "out") == [
        "masks/a.png",
        "masks/berlin/berlin_000000_000019_leftImg8bit.png",
        "masks/scenes/ulm/ulm_000001_000019_leftImg8bit.png",
    ]


def test_a_list_with_a_missing_file(saved, scenes, tmp_path, capsys):
    (scenes / "list.txt").write_text("gone.png\nulm/ulm_000001_000019_leftImg8bit.png\n")
    _, errors = skipping(capsys, saved[3], scenes / "list.txt", tmp_path / "out")
    assert f"skipped: no file {scenes / 'gone.png'}" in errors
    assert len(files(tmp_path / "out/masks")) == 1


def test_batches_give_the_same_masks(saved, tmp_path):
    rng = np.random.default_rng(1)
    for index, size in enumerate([(20, 30)] * 5 + [(25, 20)] * 2):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(tmp_path / f"{index}.png")
    for name, options in (("one", ()), ("more", ("--batch-size", "3", "--workers", "3"))):
        predict(saved[3], [f"{tmp_path}/*.png"], tmp_path / name, "--save", "masks", *options)
    assert files(tmp_path / "one") == files(tmp_path / "more") == [f"masks/{index}.png" for index in range(7)]
    for name in files(tmp_path / "one"):
        np.testing.assert_array_equal(read(tmp_path / "one" / name), read(tmp_path / "more" / name))


def test_each_image_is_decoded_once(saved, scenes, tmp_path, monkeypatch):
    opened = []
    read_unless_large = prediction_run.read_unless_large
    monkeypatch.setattr(
        prediction_run, "read_unless_large", lambda *args: opened.append(args[0]) or read_unless_large(*args)
    )
    predict(saved[3], scenes, tmp_path / "out")
    assert sorted(opened) == sorted(scenes.rglob("*.png"))


def summary_of(capsys, *args):
    """Predicts and returns the summary, which is all that is printed on stdout."""
    capsys.readouterr()
    with suppress(SystemExit):
        predict(*args, "--json")
    return json.loads(capsys.readouterr().out)


class TestVideo:
    @pytest.fixture
    def clip(self, tmp_path):
        pytest.importorskip("av")
        rng = np.random.default_rng(4)
        frames = [Frame(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), index / 10) for index in range(5)]
        path = tmp_path / "clips/day/clip.mp4"
        path.parent.mkdir(parents=True)
        write_video(path, frames)
        return path

    def test_an_overlay_of_the_length_and_size_of_the_video(self, saved, clip, tmp_path, capsys):
        options = ("--no-legend", "--batch-size", "2")
        summary = summary_of(capsys, saved[3], tmp_path / "clips", tmp_path / "out", *options)
        assert files(tmp_path / "out") == ["overlays/day/clip.mp4"]
        before, after = list(read_video(clip)), list(read_video(tmp_path / "out/overlays/day/clip.mp4"))
        assert [frame.time for frame in after] == pytest.approx([frame.time for frame in before], abs=1e-3)
        assert after[0].image.shape == (48, 64, 3)
        assert summary["predicted"] == 1
        again = summary_of(capsys, saved[3], tmp_path / "clips", tmp_path / "out", *options)
        assert (again["done_before"], again["predicted"]) == (1, 0)

    def test_masks_of_its_frames_on_request(self, saved, clip, tmp_path):
        predict(saved[3], clip, tmp_path / "out", "--save", "masks")
        assert files(tmp_path / "out/masks") == [f"clip/{index:06}.png" for index in range(5)]
        predictor = Predictor(load_network(saved[3]))
        for index, frame in enumerate(read_video(clip)):
            expected = predictor.predict(frame.image)
            np.testing.assert_array_equal(read(tmp_path / f"out/masks/clip/{index:06}.png"), expected)

    def test_a_damaged_video_is_skipped(self, saved, scenes, clip, tmp_path, capsys):
        clip.write_bytes(clip.read_bytes()[:200])
        _, errors = skipping(capsys, saved[3], [scenes, clip], tmp_path / "out")
        assert f"skipped: {clip} " in errors
        assert len(files(tmp_path / "out/masks")) == 2
        assert not (tmp_path / "out/overlays/clip.mp4").exists()


def test_a_threshold_of_a_class(saved, scenes, tmp_path):
    image = next(scenes.rglob("ulm*.png"))
    network = load_network(saved[3])
    logits = Predictor(network).logits([read(image)])[0]
    car, others = logits.softmax(0)[2].numpy(), logits[:2].argmax(0).numpy()
    threshold = float(np.median(car))
    predict(saved[3], image, tmp_path / "out", "--save", "masks", "--threshold", f"car={threshold}")
    found = read(next((tmp_path / "out/masks").iterdir()))
    clear = abs(car - threshold) > 1e-6
    np.testing.assert_array_equal(found[clear], np.where(car >= threshold, 2, others)[clear])


def test_a_threshold_of_a_class_that_does_not_exist(saved, scenes, tmp_path, capsys):
    message = refused(capsys, saved[3], scenes, tmp_path / "out", "--threshold", "cat=0.5")
    assert "threshold cat=0.5: no class has that name; did you mean car?" in message
    assert not (tmp_path / "out").exists()


def test_the_summary_in_json(saved, scenes, broken, tmp_path, capsys):
    (scenes / "notes.txt").touch()
    summary = summary_of(capsys, saved[3], scenes, tmp_path / "out")
    assert summary.pop("seconds") > 0
    assert sum(summary.pop("shares").values()) == pytest.approx(1)
    (skipped,) = summary.pop("skipped")
    assert skipped["file"] == str(broken)
    assert "cannot be read" in skipped["reason"]
    assert summary == {
        "model": str(saved[3]),
        "done_before": 0,
        "predicted": 2,
        "left_out": {"of another type": 1},
        "written": [str(tmp_path / "out/masks"), str(tmp_path / "out/overlays")],
    }


def test_quiet(saved, scenes, tmp_path, capsys):
    predict(saved[3], scenes, tmp_path / "out", "--quiet")
    assert capsys.readouterr() == ("", "")


class TestInterrupted:
    @pytest.fixture
    def images(self, tmp_path):
        folder = tmp_path / "images"
        folder.mkdir()
        rng = np.random.default_rng(2)
        for index in range(12):
            Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / f"{index:02}.png")
        return folder

    def test_the_same_command_goes_on_where_it_stopped(self, saved, images, tmp_path, capsys, monkeypatch):
        whole = summary_of(capsys, saved[3], images, tmp_path / "whole")
        read_image, seen = prediction_run.read_unless_large, []

        def interrupted(path, *args):
            seen.append(path)
            if len(seen) == 7:
                raise KeyboardInterrupt
            return read_image(path, *args)

        monkeypatch.setattr(prediction_run, "read_unless_large", interrupted)
        with pytest.raises(SystemExit) as caught:
            predict(saved[3], images, tmp_path / "out", "--workers", "1")
        assert caught.value.code == 130
        assert "interrupted; the same command goes on from here" in capsys.readouterr().err
        monkeypatch.undo()
        done = len(list((tmp_path / "out/overlays").iterdir()))
        assert 1 <= done <= 6
        capsys.readouterr()
        predict(saved[3], images, tmp_path / "out", "--json")
        output, errors = capsys.readouterr()
        assert f"{done} of 12 are done already; predicting {12 - done}" in errors
        summary = json.loads(output)
        assert (summary["done_before"], summary["predicted"]) == (done, 12 - done)
        assert summary["shares"] == whole["shares"]
        assert files(tmp_path / "out") == files(tmp_path / "whole")
        for name in files(tmp_path / "out"):
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()

    def test_another_command_in_the_folder_is_refused(self, saved, images, tmp_path, capsys):
        (tmp_path / "out").mkdir()
        with FileLock(tmp_path / "out/.lock"), pytest.raises(SystemExit) as caught:
            predict(saved[3], images, tmp_path / "out")
        assert caught.value.code == 2
        assert f"another command writes to {tmp_path / 'out'}; wait for its end" in capsys.readouterr().err
        assert not list((tmp_path / "out").glob("[!.]*"))
        predict(saved[3], images, tmp_path / "out")

    def test_a_killed_process_leaves_whole_files_only(self, saved, images, tmp_path):
        command = [sys.executable, "-m", "feedbackward.cli.main", "predict", str(saved[3]), str(images)]
        script = "import sys; from feedbackward.cli.main import main; main(sys.argv[1:])"
        process = subprocess.Popen([sys.executable, "-c", script, *command[3:], "--output", str(tmp_path / "out")])
        while process.poll() is None and not (tmp_path / "out/overlays/02.jpg").exists():
            time.sleep(0.01)
        process.kill()
        process.wait()
        for path in (tmp_path / "out").rglob("*.png"):
            if not path.name.startswith("."):
                assert read(path).shape == (16, 16)
        predict(saved[3], images, tmp_path / "out")
        assert len(files(tmp_path / "out")) == 24

    def test_everything_is_done_already(self, saved, images, tmp_path, capsys):
        first = summary_of(capsys, saved[3], images, tmp_path / "out")
        again = summary_of(capsys, saved[3], images, tmp_path / "out")
        assert (again["done_before"], again["predicted"]) == (12, 0)
        assert again["shares"] == first["shares"]

    def test_another_image_and_another_kind_are_predicted(self, saved, images, tmp_path, capsys):
        predict(saved[3], images, tmp_path / "out", "--save", "masks")
        Image.new("RGB", (16, 16)).save(images / "00.png")
        summary = summary_of(capsys, saved[3], images, tmp_path / "out", "--save", "masks")
        assert (summary["done_before"], summary["predicted"]) == (11, 1)
        assert summary_of(capsys, saved[3], images, tmp_path / "out")["predicted"] == 12

    def test_another_model_or_other_options_are_refused(self, saved, images, tmp_path, capsys):
        predict(saved[3], images, tmp_path / "out")
        capsys.readouterr()
        assert "predictions of another model" in refused(capsys, saved[19], images, tmp_path / "out")
        message = refused(capsys, saved[3], images, tmp_path / "out", "--scale", "0.5")
        assert "contains predictions with scale None, now 0.5: choose another --output, or add --overwrite" in message
        summary = summary_of(capsys, saved[3], images, tmp_path / "out", "--scale", "0.5", "--overwrite")
        assert summary["predicted"] == 12


def test_existing_files_that_are_not_of_this_command(saved, scenes, tmp_path, capsys):
    mask = tmp_path / "out/masks/ulm/ulm_000001_000019_leftImg8bit.png"
    mask.parent.mkdir(parents=True)
    mask.write_text("mine")
    message = refused(capsys, saved[3], scenes, tmp_path / "out")
    assert f"{mask} exists already and does not come from this command" in message
    assert mask.read_text() == "mine"
    assert files(tmp_path / "out") == ["masks/ulm/ulm_000001_000019_leftImg8bit.png"]
    predict(saved[3], scenes, tmp_path / "out", "--overwrite")
    assert read(mask).shape == (64, 40)


def test_a_thousand_files_of_which_thirty_are_broken(saved, tmp_path, capsys):
    """A folder as it is found in practice: several formats and sizes, and files that are broken in different ways."""
    folder, rng = tmp_path / "in", np.random.default_rng(3)
    for index in range(970):
        path = folder / f"{index % 7}" / f"{index}.{('png', 'jpg', 'PNG', 'jpeg')[index % 4]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (16, 16 + index // 500, 3), dtype=np.uint8)
        Image.fromarray(pixels if index % 5 else pixels[..., 0]).save(path)
    png, jpg = (folder / "0/0.png").read_bytes(), next(folder.rglob("*.jpg")).read_bytes()
    broken = {
        "empty": b"",
        "text": b"<html>not found</html>",
        "zeros": bytes(1000),
        "noise": rng.bytes(1000),
        "header": png[:20],
        "truncated": png[: len(png) // 2],
        "without_end": png[:-40],
        "half_jpeg": jpg[: len(jpg) // 2],
        "jpeg_header": jpg[:30],
        "bad_checksum": png[:40] + bytes([png[40] ^ 255]) + png[41:],
        "huge": png[:16] + b"\x7f\xff\xff\xff" * 2 + png[24:],
        "no_pixels": png[:16] + bytes(8) + png[24:],
        "shifted": b"x" + png,
        "twice": jpg[:100] + png,
    }
    count = 0
    for name, content in broken.items():
        for suffix in (".png", ".jpg"):
            (folder / f"{count % 7}" / f"broken_{name}{suffix}").write_bytes(content)
            count += 1
    (folder / "link.png").symlink_to(tmp_path / "gone.png")
    (folder / "loop.jpg").symlink_to(folder / "loop.jpg")
    (folder / "README.md").touch()
    assert count + 2 == 30

    output, errors = skipping(
        capsys, saved[3], folder, tmp_path / "out", "--save", "masks", "--batch-size", "8", "--json"
    )
    summary = json.loads(output)
    assert {Path(skipped["file"]).stem for skipped in summary["skipped"]} == {"link", "loop"} | {
        f"broken_{n}" for n in broken
    }
    assert (summary["predicted"], len(summary["skipped"]), summary["left_out"]) == (970, 30, {"of another type": 1})
    assert len(list((tmp_path / "out/masks").rglob("*.png"))) == 970
    rows = skipped_rows(tmp_path / "out")
    assert rows == summary["skipped"]
    for row in rows:
        assert row["file"] in row["reason"]
        assert f"skipped: {row['reason']}\n" in errors


def test_a_network_without_class_table(scenes, tmp_path, capsys):
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.save_pretrained(tmp_path / "network")
    message = refused(capsys, tmp_path / "network", scenes, tmp_path / "out")
    assert "has no class names and colors" in message
    assert not (tmp_path / "out").exists()


def test_missing_things(saved, scenes, tmp_path, capsys):
    assert "no such model" in refused(capsys, tmp_path / "no.ckpt", scenes, tmp_path / "out")
    assert "no such image or folder" in refused(capsys, saved[3], tmp_path / "no", tmp_path / "out")
    (tmp_path / "file").touch()
    assert "cannot be written" in refused(capsys, saved[3], scenes, tmp_path / "file")


def test_predictions_inside_the_source_are_not_predicted(saved, scenes, capsys):
    predict(saved[3], scenes, scenes / "out")
    capsys.readouterr()
    summary = summary_of(capsys, saved[3], scenes, scenes / "out")
    assert (summary["done_before"], summary["predicted"], summary["left_out"]["that are predictions"]) == (2, 0, 4)


def test_help_is_short_and_in_plain_words(capsys):
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 60
    assert lines[0] == "usage: feedbackward predict MODEL SOURCE... [options]"
    assert not re.search(r"<class|type:|Literal|NoneType|Positive", "\n".join(lines))


@pytest.mark.parametrize(
    ("more", "message"),
    [(["--device", "tpu"], "device"), (["--scale", "big"], "scale"), (["--sise", "3"], "sise")],
)
def test_unknown_arguments(saved, scenes, tmp_path, capsys, more, message):
    with pytest.raises(SystemExit) as caught:
        predict(saved[3], scenes, tmp_path / "out", *more)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_an_image_that_is_damaged_after_its_prediction_leaves_none(saved, scenes, tmp_path):
    kinds = ("--save", "masks", "shares", "coco")
    predict(saved[3], scenes, tmp_path / "out", *kinds)
    damaged = scenes / "ulm/ulm_000001_000019_leftImg8bit.png"
    damaged.write_bytes(b"damaged")
    with pytest.raises(SystemExit, match="1"):
        predict(saved[3], scenes, tmp_path / "out", *kinds)
    assert not [path for path in files(tmp_path / "out") if "ulm" in path]
    assert "ulm" not in (tmp_path / "out/shares.csv").read_text()
    assert len(json.loads((tmp_path / "out/coco.json").read_text())["images"]) == 1


def test_one_image_under_two_names_has_both_outputs(saved, scenes, tmp_path):
    predict(saved[3], [scenes, scenes / "ulm"], tmp_path / "out", "--save", "masks")
    (tmp_path / "out/masks/ulm_000001_000019_leftImg8bit.png").unlink()
    predict(saved[3], [scenes, scenes / "ulm"], tmp_path / "out", "--save", "masks")
    assert "masks/ulm_000001_000019_leftImg8bit.png" in files(tmp_path / "out")


def test_names_of_any_bytes_and_lines_are_reported(saved, scenes, tmp_path, capsys):
    names = [b"not utf-8 \xff.png", b"two\nlines.png"]
    for name in names:
        (scenes / os.fsdecode(name)).write_bytes(b"damaged")
    intact = scenes / os.fsdecode(b"intact \xff.png")
    Image.new("RGB", (4, 4)).save(scenes / "a.png")
    (scenes / "a.png").rename(intact)
    with pytest.raises(SystemExit, match="1"):
        predict(saved[3], scenes, tmp_path / "out", "--save", "shares")
    assert b"intact \xff.png" in (tmp_path / "out/shares.csv").read_bytes()
    assert r"two\nlines.png is not an image" in capsys.readouterr().err
    skipped = (tmp_path / "out/skipped.csv").read_bytes()
    assert all(name in skipped for name in names)


def test_a_name_whose_output_would_be_too_long_is_refused_before_anything_is_written(saved, scenes, tmp_path, capsys):
    (scenes / ("x" * 251 + ".png")).touch()
    assert "longer than 255 bytes" in refused(capsys, saved[3], scenes, tmp_path / "out", "--save", "polygons")
    assert not (tmp_path / "out").exists()
