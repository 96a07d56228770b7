import json
import re
import sys

import pytest

from feedbackward.cli.main import main
from feedbackward.models import create_model

SMP = "smp/Unet/resnet18"
OURS = "feedbackward/test_resnet?retrace=transitions&output_stride=2"


def test_inference(tmp_path, capsys):
    models = "feedbackward/test_resnet,timm/test_resnet"
    command = ["benchmark", "--models", models, "--size", "64,96", "--threads", "1", "--repeats", "3"]
    main([*command, "--runtimes", "eager,channels_last", "--json", str(tmp_path / "times.json")])
    found = json.loads((tmp_path / "times.json").read_text())
    assert (found["size"], found["batch"], found["machine"]["threads"]) == ([64, 96], 1, 1)
    rows = [line for line in capsys.readouterr().out.splitlines() if "test_resnet" in line]
    assert [(row["name"], row["runtime"]) for row in found["results"]] == [
        (model, runtime) for runtime in ("eager", "channels_last") for model in models.split(",")
    ]
    for line, row, base in zip(rows, found["results"], [0, 0, 2, 2], strict=True):
        cells = [cell.strip() for cell in re.split("[│┃]", line)[1:-1]]
        ratio = row["seconds"] / found["results"][base]["seconds"]
        assert cells[:3] == [row["name"], row["runtime"], f"{1e3 * row['seconds']:.1f}"]
        assert cells[4] == f"{ratio:.2f}"
        assert cells[-2:] == ["-", "-"]


def test_training(tmp_path, capsys):
    command = ["benchmark", "--train", "--models", OURS, "--size", "32,64", "--threads", "1", "--repeats", "2"]
    main([*command, "--json", str(tmp_path / "times.json")])
    (row,) = json.loads((tmp_path / "times.json").read_text())["results"]
    assert f"{row['saved_bytes'] / 1e6:.1f}" in capsys.readouterr().out


def test_help_shows_the_names_of_networks(capsys):
    with pytest.raises(SystemExit):
        main(["benchmark", "--help"])
    assert "\n  smp/ARCHITECTURE/ENCODER  segmentation_models_pytorch" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--runtimes", "eagre"], "unknown runtime 'eagre'; expected one of eager, channels_last"),
        (["--size", "64"], "--size is '64'"),
        (["--runtimes", "eagre", "--tolerance", "0.1"], "unknown runtime 'eagre'"),
        (["--models", f"{OURS},out.onnx"], "no such file or folder: out.onnx"),
        (["--json", "."], "this is a folder"),
        (["--train", "--models", "timm/test_resnet"], "timm/test_resnet is an encoder alone, which has no logits to"),
        (
            ["--models", f"{SMP}?decoder_interpolation=x", "--size", "64,64"],
            "decoder_interpolation=x does not run on 1",
        ),
        (["--models", f"{SMP}?decoder_interpolation=x", "--size", "32,64", "--train"], "on 1 image of 32x64 (Input"),
        (["--train", "--runtimes", "openvino"], "unknown runtime 'openvino' of training; expected one of eager, "),
        (["--runtimes", "onnxruntime", "--tolerance", "1e-12"], "more than the tolerance of 1e-12"),
    ],
)
def test_errors(options, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["benchmark", "--models", OURS, *options])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_network_that_is_timed_is_not_replaced(tmp_path, capsys):
    network = create_model("test_resnet", encoder_weights=None, classes=2)
    network.save_pretrained(tmp_path / "net")
    before = (tmp_path / "net/config.json").read_bytes()
    with pytest.raises(SystemExit):
        main(["benchmark", "--models", f"{OURS},{tmp_path / 'net'}", "--json", str(tmp_path / "net/config.json")])
    assert "config.json would replace a file of the network" in capsys.readouterr().err
    assert (tmp_path / "net/config.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--train", "--memory", "--tolerance", "0.1"],
            "training steps in PyTorch, without --memory, --tolerance; omit those, or --train",
        ),
        (["--train", "--memory"], "without --memory;"),
        (["--tolerance", "0.1"], "--tolerance is for the exported files of onnxruntime, openvino, tensorrt, found"),
        (["--runtimes", "eager,compile", "--tolerance", "0.1"], "found --runtimes eager,compile; omit --tolerance"),
        (["--runtimes", "tensorrt", "--memory"], "--memory does not see the memory of TensorRT; omit --memory, or the"),
        (
            ["--models", f"{OURS},"],
            "test_resnet?retrace=transitions&output_stride=2,', with an empty name; expected NAME,NAME",
        ),
        (["--runtimes", "eager,,compile"], "--runtimes is 'eager,,compile', with an empty name"),
    ],
)
def test_options_without_effect_are_refused_before_torch_is_imported(options, message, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would fail
    with pytest.raises(SystemExit) as caught:
        main(["benchmark", "--models", OURS, *options])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
