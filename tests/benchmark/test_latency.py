"""Races of tiny networks; what they measure is no matter for tests, how they do it is."""

import json
import re

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from feedbackward.benchmark import Entry, create_candidate, race
from feedbackward.benchmark.latency import WARM_UP, in_turns
from feedbackward.benchmark.memory import measure_memory
from feedbackward.benchmark.runtimes import RUNTIMES, Workload
from feedbackward.benchmark.tradeoff import read_scores
from feedbackward.benchmark.training import race_training, saved_bytes
from feedbackward.cli.main import main
from feedbackward.errors import InputError

OURS = "feedbackward/test_resnet?retrace=transitions&output_stride=2"
PEER = "smp/FPN/mobilenet_v2"


@pytest.mark.parametrize(
    ("name", "config"),
    [
        (OURS, {"encoder_name": "test_resnet", "retrace": "transitions", "output_stride": 2}),
        (
            "feedbackward/test_resnet?output_stride=null&freeze_encoder=true",
            {"output_stride": None, "freeze_encoder": True},
        ),
        ("segnet?encoder_name=vgg11", {"model": "segnet", "encoder_name": "vgg11"}),
        (PEER, {"architecture": "FPN", "encoder_name": "mobilenet_v2"}),
        ("torchvision/lraspp_mobilenet_v3_large", {"name": "lraspp_mobilenet_v3_large"}),
        ("timm/test_resnet", {"encoder_name": "test_resnet"}),
    ],
)
def test_names_of_networks(name, config):
    network = create_candidate(name, classes=5)
    assert not network.training
    assert config.items() <= network.config.items()
    scores = network(torch.rand(1, 3, 45, 70))
    assert scores.shape == ((1, 96, 2, 3) if name.startswith("timm") else (1, 5, 45, 70))


def test_a_saved_network(tmp_path):
    create_candidate(OURS, classes=4).save_pretrained(tmp_path)
    assert create_candidate(str(tmp_path)).classes == 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("segnett", r"no network 'segnett'; networks are named\n  NAME "),
        ("smp/Unet", "no network 'smp/Unet'; networks are named"),
        ("smp/Unett/resnet18", "segmentation_models_pytorch has no Unett on resnet18"),
        ("smp/Unet/resnet", "segmentation_models_pytorch has no Unet on resnet"),
        ("torchvision/unet", "torchvision has no segmentation network unet; it has deeplabv3_mobilenet_v3_large"),
        ("timm/test_resnett", "unknown encoder 'test_resnett'"),
        ("feedbackward/test_resnet?stride=2", "unexpected keyword argument 'stride'"),
    ],
)
def test_names_of_none(name, message):
    with pytest.raises(InputError, match=message):
        create_candidate(name)


def test_a_peer_that_is_not_installed(monkeypatch):
    monkeypatch.setattr("feedbackward.benchmark.peers.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'feedbackward\[benchmark\]'"):
        create_candidate(PEER)


def test_turns():
    order = []
    times = in_turns([lambda: order.append("a"), lambda: order.append("b")], repeats=3)
    assert "".join(order) == "a" * WARM_UP + "b" * WARM_UP + "ab" * 3
    assert [len(taken) for taken in times] == [3, 3]


def test_a_race(exporting):
    entries = [Entry(OURS, runtime) for runtime in ("eager", "optimized", "onnxruntime")] + [Entry(PEER, "eager")]
    results = race(entries, size=(64, 96), batch=2, threads=1, repeats=4)
    assert [(result.name, result.runtime) for result in results] == [(entry.name, entry.runtime) for entry in entries]
    for result in results:
        network = create_candidate(result.name)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.rand(1, 3, 64, 96))
        assert result.flops == counter.get_total_flops()
        assert result.parameters == sum(parameter.numel() for parameter in network.parameters())
        assert result.quartiles[0] <= result.seconds <= result.quartiles[1]
        assert result.images_per_second == 2 / result.seconds
        assert result.matmul_share > 0
        assert result.memory is None
    assert [result.file_bytes is None for result in results] == [True, True, False, True]
    assert 0.99 < results[2].file_bytes / (4 * results[2].parameters) < 1.03


def test_the_runtime_of_a_gpu_multiplies_in_bfloat16(monkeypatch, tmp_path):
    """All of it but the GPU itself and the compiler, which has no place in a test."""
    monkeypatch.setattr("feedbackward.benchmark.runtimes.choose_device", lambda _: torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: order.append("finished"))
    monkeypatch.setattr(torch, "compile", lambda network: network)
    network, order = create_candidate(OURS), []
    network.register_forward_hook(lambda _, inputs, scores: order.append((inputs[0].dtype, scores.dtype)))
    prepared = RUNTIMES["cuda"](network, Workload(torch.rand(1, 3, 32, 64), tmp_path))
    prepared.run(torch.rand(1, 3, 32, 64))
    assert order == [(torch.bfloat16, torch.bfloat16), "finished"]
    assert prepared.dtype == torch.bfloat16


def test_a_runtime_without_its_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device cuda: PyTorch sees no GPU here; run on the CPU"):
        race([Entry(OURS, "cuda")], size=(32, 64))


def test_memory_is_at_least_that_of_the_weights_and_the_scores():
    name, shape = "feedbackward/resnet18?output_stride=4", (1, 3, 256, 512)
    parameters = sum(parameter.nbytes for parameter in create_candidate(name).parameters())
    memory = measure_memory(name, "eager", shape, threads=1)
    assert parameters < memory.loaded_bytes < memory.peak_bytes < 2**30
    assert parameters + 4 * 19 * 256 * 512 < memory.peak_bytes


def test_what_training_keeps():
    """A convolution keeps its input, a batch norm its input and two statistics, a ReLU its output."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    pixels = 2 * 16 * 24
    norm = network[1]
    kept = 4 * (3 * pixels + 8 * pixels + 8 * pixels + 2 * 8)
    running = 4 * (norm.running_mean.numel() + norm.running_var.numel())
    assert saved_bytes(network, torch.rand(2, 3, 16, 24)) in (kept, kept + running)


def test_checkpointing_is_an_option_of_any_name_and_refused_where_there_is_none():
    plain, sparing = race_training(
        [OURS, f"{OURS}&grad_checkpointing=true"], size=(32, 64), batch=2, threads=1, repeats=3
    )
    assert sparing.saved_bytes < 0.8 * plain.saved_bytes
    with pytest.raises(InputError, match="segnet has no gradient checkpointing"):
        create_candidate("segnet?encoder_name=vgg11&grad_checkpointing=true")


def test_training_steps():
    ours, theirs = race_training([OURS, "segnet?encoder_name=vgg11"], size=(32, 64), batch=2, threads=1, repeats=3)
    assert ours.name == OURS
    assert 0 < ours.saved_bytes < theirs.saved_bytes
    assert ours.quartiles[0] <= ours.seconds <= ours.quartiles[1]


class TestCommand:
    def test_inference(self, tmp_path, capsys):
        models = "feedbackward/test_resnet,timm/test_resnet"
        command = ["benchmark", "--models", models, "--size", "64,96", "--threads", "1", "--repeats", "3"]
        main([*command, "--runtimes", "eager,channels_last", "--json", str(tmp_path / "race.json")])
        found = json.loads((tmp_path / "race.json").read_text())
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

    def test_help_shows_how_networks_are_named(self, capsys):
        with pytest.raises(SystemExit):
            main(["benchmark", "--help"])
        assert "\n  smp/ARCHITECTURE/ENCODER  segmentation_models_pytorch" in capsys.readouterr().out

    def test_training(self, tmp_path, capsys):
        command = ["benchmark", "--train", "--models", OURS, "--size", "32,64", "--threads", "1", "--repeats", "2"]
        main([*command, "--json", str(tmp_path / "race.json")])
        (row,) = json.loads((tmp_path / "race.json").read_text())["results"]
        assert f"{row['saved_bytes'] / 1e6:.1f}" in capsys.readouterr().out

    def test_the_plot_has_the_networks_that_the_study_has_scored(self, tmp_path, capsys):
        study = tmp_path / "study"
        study.mkdir()
        known = {"encoder_name": "test_resnet", "retrace": "transitions"}
        for number, (row, model, options, score) in enumerate(
            [
                ("ours", "feedbackward", known, 0.40),
                ("ours", "feedbackward", known, 0.50),
                ("ours, slower", "feedbackward", known, 0.41),
                ("theirs", "smp", {"architecture": "FPN", "encoder_name": "mobilenet_v2"}, 0.6),
                ("changed", "without_skips", {"encoder_name": "test_resnet"}, 0.1),
                ("segnet", "segnet", {"encoder_name": "vgg16_quarter"}, 0.1),
            ]
        ):
            result = {"row": row, "model": model, "options": options, "last": {"scalars": {"mean_iou": score}}}
            (study / f"{number}.json").write_text(json.dumps(result))
        models = f"feedbackward/test_resnet?retrace=transitions,{PEER},feedbackward/test_resnet"
        command = ["benchmark", "--models", models, "--size", "32,64", "--threads", "1", "--repeats", "2"]
        main([*command, "--plot", str(tmp_path / "plot.svg"), "--scores", str(study)])
        assert "the study has no score of it: feedbackward/test_resnet\n" in capsys.readouterr().out
        scores = read_scores(study)
        assert sorted(score for _, score in scores) == [pytest.approx(0.45), 0.6]
        assert {config["model"] for config, _ in scores} == {"feedbackward", "smp"}
        assert (tmp_path / "plot.svg").stat().st_size > 0

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--plot", "plot.svg"], "--plot FILE and --scores DIR go together"),
            (["--runtimes", "eagre"], "unknown runtime 'eagre'; there are eager, channels_last"),
            (["--size", "64"], "--size is '64'"),
            (["--json", "."], "this is a folder"),
            (["--runtimes", "onnxruntime", "--tolerance", "1e-12"], "more than the tolerance of 1e-12"),
        ],
    )
    def test_what_is_refused(self, options, message, capsys):
        with pytest.raises(SystemExit) as caught:
            main(["benchmark", "--models", OURS, *options])
        assert caught.value.code == 2
        assert message in capsys.readouterr().err
