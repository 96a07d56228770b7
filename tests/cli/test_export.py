"""The command `export`, and its files where a network is asked for."""

import json
import re
import shutil
import zipfile
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
import torch
from PIL import Image

from feedbackward.cli.main import main
from feedbackward.cli.quantize import calibration_images
from feedbackward.data.camvid import CAMVID
from feedbackward.exporting.web.runtime import FILES, PACKAGE, VERSION
from feedbackward.models import create_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a tiny network with CamVid's classes."""
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=len(CAMVID))
    network.class_table = CAMVID
    folder = tmp_path_factory.mktemp("network")
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def camvid(tmp_path_factory):
    """Two images and masks of every class."""
    root, rng = tmp_path_factory.mktemp("camvid"), np.random.default_rng(0)
    for name in ("a", "b"):
        for folder, shape, most in (("val", (40, 56, 3), 256), ("valannot", (40, 56), 12)):
            (root / folder).mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, most, shape, dtype=np.uint8)).save(root / folder / f"{name}.png")
    return root


@pytest.fixture(scope="module")
def file(saved, tmp_path_factory, while_exporting):
    """Its file for onnxruntime."""
    path = tmp_path_factory.mktemp("exported") / "new" / "network.onnx"
    with while_exporting(), redirect_stdout(StringIO()) as output:
        main(["export", "--model", str(saved), "--format", "onnx", "--output", str(path)])
    printed = output.getvalue()
    assert "97x131" in printed
    assert f"{path.stat().st_size / 1e6:.2f} MB" in printed
    assert printed.strip().endswith(str(path))
    return path


def test_predictions_of_the_file_are_those_of_the_network(saved, camvid, file, tmp_path):
    for model, output in ((saved, "network"), (file, "file")):
        predict = ["predict", model, camvid / "val", "--output", tmp_path / output, "--save", "masks"]
        main(list(map(str, predict)))
    for name in ("a", "b"):
        masks = [np.array(Image.open(tmp_path / output / "masks" / f"{name}.png")) for output in ("network", "file")]
        np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize("model", ["saved", "file"])
def test_evaluate_predicts_the_images(model, camvid, saved, file, tmp_path, capsys):
    model = {"saved": saved, "file": file}[model]
    folders = ["--ground-truth", str(camvid / "valannot"), "--dataset", "camvid"]
    main(["predict", str(saved), str(camvid / "val"), "--output", str(tmp_path / "out")])
    main(["evaluate", *folders, "--predictions", str(tmp_path / "out/masks"), "--json", str(tmp_path / "one.json")])
    source = ["--model", str(model), "--source", str(camvid / "val")]
    main(["evaluate", *folders, *source, "--json", str(tmp_path / "other.json")])
    one, other = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "other"))
    assert one == other
    assert sum(map(sum, one["confusion"])) > 0


def test_evaluate_says_that_images_are_resized_otherwise(saved, camvid, tmp_path, capsys):
    evaluate = ["evaluate", "--dataset", "camvid", "--ground-truth", str(camvid / "valannot")]
    seen = ["--longest-side", "42", "--device", "cpu"]
    main([*evaluate, "--model", str(saved), "--source", str(camvid / "val"), *seen, "--json", str(tmp_path / "a.json")])
    said = "images are resized to a longest side of 42; the network was trained on images not resized"
    assert capsys.readouterr().out.startswith(said)
    resized = {"size": [30, 42]}
    shutil.copytree(saved, tmp_path / "resizing")
    config = json.loads((tmp_path / "resizing/config.json").read_text())
    config["preprocessing"]["resize"] = resized
    (tmp_path / "resizing/config.json").write_text(json.dumps(config))
    source = ["--model", str(tmp_path / "resizing"), "--source", str(camvid / "val")]
    main([*evaluate, *source, "--json", str(tmp_path / "b.json")])
    assert "images are" not in capsys.readouterr().out
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_validate_scores_the_file(saved, camvid, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = ["--config", "camvid_mobilenetv2", "--data.root", str(camvid), "--data.num_workers", "0"]
    recipe += ["--model.name", "test_resnet", "--trainer.accelerator", "cpu"]
    main(["validate", *recipe, "--model", str(file), "--json", "scores.json"])
    scores = json.loads((tmp_path / "scores.json").read_text())
    folders = ["--ground-truth", str(camvid / "valannot"), "--source", str(camvid / "val")]
    main(["evaluate", "--dataset", "camvid", *folders, "--model", str(saved), "--json", "evaluated.json"])
    evaluated = json.loads((tmp_path / "evaluated.json").read_text())
    assert list(scores) == list(evaluated)
    assert scores["scalars"] == pytest.approx(evaluated["scalars"], abs=1e-6)
    assert not (tmp_path / "runs").exists()


def refused(capsys, *args):
    with pytest.raises(SystemExit) as caught:
        main(list(map(str, args)))
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_invalid_arguments_are_refused(saved, camvid, file, tmp_path, capsys):
    export = ("export", "--model", saved, "--format", "onnx", "--output")
    assert "exists already; choose another name or add --overwrite" in refused(capsys, *export, file)
    assert "--size is '40'" in refused(capsys, *export, tmp_path / "n.onnx", "--size", "40")
    page = ("export", "--model", saved, "--web", tmp_path / "page")
    assert "give --format and --output for a file, or --web FOLDER for a page" in refused(capsys, *page[:3])
    assert "omit --format and --output" in refused(capsys, *page, "--format", "onnx")
    runtime = ("--web-runtime", tmp_path)
    assert "--web-runtime is for pages" in refused(capsys, *export, tmp_path / "n.onnx", *runtime)
    assert "expected the unpacked npm package onnxruntime-web" in refused(capsys, *page, *runtime)
    for option in ((), ("--overwrite",)):
        full = ("export", "--model", saved, "--web", file.parent, *option)
        assert "exists and is not an empty folder; give a new one" in refused(capsys, *full)
    evaluate = ("evaluate", "--dataset", "camvid", "--ground-truth", camvid / "valannot")
    assert "give either --predictions DIR, or --model and --source" in refused(capsys, *evaluate, "--model", saved)
    with zipfile.ZipFile(tmp_path / "other.pt2", "w"):
        pass
    validate = ("validate", "--config", "camvid_mobilenetv2", "--data.root", camvid)
    assert "is not a torch.export file" in refused(capsys, *validate, "--model", tmp_path / "other.pt2")
    both = (*validate, "--model", file, "--ckpt_path", "best")
    assert "--model names an exported file and --ckpt_path a checkpoint" in refused(capsys, *both)


def test_a_file_of_classes_has_no_logits_to_scale(saved, camvid, tmp_path, capsys, exporting):
    file = tmp_path / "classes.onnx"
    main(["export", "--model", str(saved), "--format", "onnx", "--output", str(file), "--argmax"])
    predict = ("predict", file, camvid / "val", "--output", tmp_path / "out", "--scale", "0.5")
    assert "outputs classes, but resizing needs logits" in refused(capsys, *predict)


def test_a_page_is_written_with_the_runtime_of_a_folder(saved, tmp_path, capsys, exporting):
    package, page = tmp_path / "package", tmp_path / "page"
    (package / "dist").mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"name": PACKAGE, "version": VERSION}))
    for name in FILES:
        (package / "dist" / name).write_text(name)
    (page / "page").mkdir(parents=True)
    (page / "description.json").write_text("of an earlier page")
    command = ["export", "--model", saved, "--web", page, "--web-runtime", package, "--overwrite"]
    main(list(map(str, command)))
    assert f"python -m http.server --bind 127.0.0.1 --directory {page}" in capsys.readouterr().out
    assert {path.name for path in page.iterdir()} == {
        *("index.html", "network.onnx", "description.json", "page", "runtime")
    }
    (task,) = json.loads((page / "description.json").read_text())["tasks"]
    assert task["classes"][0] == {"name": "sky", "color": "#808080"}
    assert (page / "runtime/webgpu.wasm").read_text() == "ort-wasm-simd-threaded.asyncify.wasm"


def test_quantize_reports_size_time_and_scores(saved, camvid, tmp_path, capsys, exporting):
    output = tmp_path / "small.onnx"
    command = ["quantize", "--model", saved, "--calibration", camvid / "val", "--output", output, "--images", "1"]
    scored = ["--dataset", "camvid", "--source", camvid / "val", "--ground-truth", camvid / "valannot"]
    main([*map(str, command), *map(str, scored)])
    rows = [re.split("[│┃]", line)[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    whole, small = ([cell.strip() for cell in row] for row in rows)
    assert (whole[0], small[0]) == ("float32", "8-bit")
    assert small[1] == f"{output.stat().st_size / 1e6:.2f}"
    assert float(small[1]) < 0.4 * float(whole[1])
    folders = ["--ground-truth", str(camvid / "valannot"), "--source", str(camvid / "val")]
    for model, row in ((saved, whole), (output, small)):
        file = tmp_path / "scores.json"
        main(["evaluate", "--dataset", "camvid", *folders, "--model", str(model), "--json", str(file)])
        assert row[3] == f"{100 * json.loads(file.read_text())['scalars']['mean_iou']:.1f}"
    assert "exists already" in refused(capsys, *command)
    alone = [*command, "--overwrite", "--dataset", "camvid"]
    assert "to score both, give --dataset, --source and --ground-truth" in refused(capsys, *alone)
    unknown = [*scored, "--dataset", "camvit"]
    assert "unknown data set 'camvit'; did you mean camvid?" in refused(capsys, *command, "--overwrite", *unknown)
    classes = [*command, "--overwrite", "--classes", tmp_path / "nowhere.yaml"]
    assert "to score both, give --dataset, --source and --ground-truth" in refused(capsys, *classes)


@pytest.mark.usefixtures("exporting")
@pytest.mark.parametrize(("seconds", "said"), [(2, True), (0.5, False)])
def test_quantize_says_where_float32_is_faster(saved, camvid, tmp_path, capsys, monkeypatch, seconds, said):
    monkeypatch.setattr("feedbackward.benchmark.timing.time_interleaved", lambda calls, repeats: [[1], [seconds]])
    output = tmp_path / "small.onnx"
    main(["quantize", "--model", str(saved), "--calibration", str(camvid / "val"), "--output", str(output)])
    assert (
        "is the faster one on this processor; 8-bit files are fast only with VNNI" in capsys.readouterr().out
    ) == said


def test_quantize_finds_out_before_the_work_that_masks_are_of_other_images(saved, camvid, tmp_path, capsys):
    (tmp_path / "masks").mkdir()
    Image.new("L", (56, 40)).save(tmp_path / "masks" / "other.png")
    output = tmp_path / "small.onnx"
    command = ["quantize", "--model", saved, "--calibration", camvid / "val", "--output", output]
    source = camvid / "val"
    error = refused(capsys, *command, "--dataset", "camvid", "--source", source, "--ground-truth", tmp_path / "masks")
    found = "missing images to predict (1 of 1): other; expected exactly one per mask"
    assert f"error: {found}, named {source}/PATH" in error
    assert not output.exists()


@pytest.mark.parametrize(("total", "count"), [(63, 32), (7, 3), (3, 5)])
def test_calibration_images_are_evenly_spread(tmp_path, total, count):
    for number in range(total):
        (tmp_path / f"{number:03}.png").touch()
    chosen = [int(path.stem) for path in calibration_images(str(tmp_path), count)]
    assert len(set(chosen)) == min(total, count)
    step = max(1, total / count)
    assert chosen[0] < step
    assert total - 1 - chosen[-1] < step
    assert np.ptp(np.diff(chosen)) <= 1
