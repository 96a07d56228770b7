"""The study's command on synthetic streets in Cityscapes' layout, and the study's own networks."""

import json
import re
import shutil
import warnings
import zipfile
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from PIL import Image

from feedbackward.cli.fit_cli import FitCLI
from feedbackward.cli.main import main
from feedbackward.decoder_config import PAPER, DecoderConfig
from feedbackward.losses import CrossEntropyIoULoss
from feedbackward.models import create_model, from_pretrained
from feedbackward.models.builders import MODELS, NETWORKS, PRESETS
from feedbackward.nn import fuse

STUDY = Path(__file__).parents[2] / "benchmarks" / "study"
TABLE_1 = ("segnet", "deeplab_largefov", "vgg16_pwp", "fcn8s", "vgg16_pwn")
SMALL = (
    "--model.encoder_weights",
    "null",
    "--data.size",
    "[32,64]",
    "--data.num_workers",
    "0",
    "--trainer.max_epochs",
    "1",
)


@pytest.fixture(scope="module")
def networks():
    """The study's own networks, registered while the tests run."""
    before = [(registry, dict(registry)) for registry in (MODELS, NETWORKS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STUDY))
        yield import_module("networks")
    for registry, content in before:
        registry.clear()
        registry.update(content)


@pytest.fixture(scope="module")
def study(networks):
    """The study's command."""
    spec = spec_from_file_location("study", STUDY / "__main__.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    def _study(*arguments):
        module.main(list(map(str, arguments)))

    return _study


@pytest.fixture
def in_process(study, monkeypatch):
    """Runs the study's trainings in this process: starting one for each takes longer than the training."""
    monkeypatch.setattr(import_module("runs"), "run_command", lambda arguments, _: main(arguments) is None)


@pytest.fixture
def narrow(networks, monkeypatch):
    """The paper's networks on a narrow VGG-16."""
    for name in ("vgg16_pwn", "vgg16_pwp"):
        monkeypatch.setitem(PRESETS, name, replace(PRESETS[name], encoder_name="vgg16_quarter"))
    for name in ("segnet", "fcn8s", "deeplab_largefov"):
        monkeypatch.setitem(MODELS, name, partial(MODELS[name], "vgg16_quarter"))


@pytest.mark.usefixtures("in_process", "narrow")
def test_table_1_by_one_command(study, tmp_path, capsys):
    main(
        ["streets", "--output", str(tmp_path / "data"), "--train", "4", "--val", "2", "--test", "1", "--size", "64,128"]
    )
    command = ("cityscapes", "--data", tmp_path / "data", "--seeds", "0")
    command += ("--output", tmp_path / "runs", "--results", tmp_path / "results")
    study(*command, "--", *SMALL)

    lines = (tmp_path / "results" / "cityscapes.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:13]]
    crf = rows.pop(4)
    assert [row[0].split(",")[0] for row in rows[::2]] == ["SegNet", "DeepLab-LargeFOV", "VGG-PWP", "FCN-8s", "VGG-PWN"]
    assert rows[8][1:5] == ["67.3", "45.3", "88.1", "73.5"]
    for name, row in zip(TABLE_1, rows[1::2], strict=True):
        result = json.loads((tmp_path / f"results/cityscapes/{name}_seed0.json").read_text())
        assert row[1:5] == percent(result["best"])
        with zipfile.ZipFile(tmp_path / f"runs/cityscapes/{name}_seed0/test/submission.zip") as submission:
            assert len(submission.namelist()) == 1
        if name == "deeplab_largefov":
            assert crf[0] == "DeepLab-LargeFOV, CRF, ours (val, seed 0)"
            assert crf[1:5] == percent(result["crf"])
    run = tmp_path / "runs/cityscapes/deeplab_largefov_seed0"
    options = ["--save", "submission", "--crf", "--output", str(tmp_path / "crf")]
    main(["predict", str(run / "model"), str(tmp_path / "data/leftImg8bit/test"), *options])
    by_hand, submitted = (zipfile.ZipFile(folder / "submission.zip") for folder in (tmp_path / "crf", run / "test"))
    (name,) = by_hand.namelist()
    assert by_hand.read(name) == submitted.read(name)

    shutil.rmtree(run)  # as in a clone, which has only the results
    capsys.readouterr()
    study(*command, "--", *SMALL)
    assert "no submission of deeplab_largefov_seed0" in capsys.readouterr().out
    (tmp_path / "results/cityscapes/segnet_seed0.json").unlink()
    capsys.readouterr()
    study(*command, "--rows", "segnet,fcn8s", "--", *SMALL)  # the run folder has its report: nothing is trained
    again = capsys.readouterr().out
    assert "segnet_seed0: mean IoU" in again
    assert "fcn8s_seed0" not in again
    with pytest.raises(SystemExit, match="unknown row fcn; expected some of segnet"):
        study(*command, "--rows", "fcn")
    with pytest.raises(SystemExit, match=r"segnet_seed0\.json was made with another recipe or other arguments"):
        study(*command, "--rows", "segnet", "--", *SMALL, "--trainer.max_epochs", "2")


def percent(scores: dict) -> list[str]:
    names = ("mean_iou", "iiou_class", "iou_category", "iiou_category")
    return [f"{100 * scores['scalars'][name]:.1f}" for name in names]


def test_camvid_resumes_after_an_interruption(study, tmp_path, request):
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            mask = np.arange(60, dtype=np.uint8).reshape(1, 60) // 6 * np.ones((40, 1), dtype=np.uint8)
            for folder, array in ((split, np.stack(3 * [20 * mask], axis=2)), (f"{split}annot", mask)):
                (tmp_path / "data" / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(tmp_path / "data" / folder / f"{number}.png")
    command = ("camvid", "--data", tmp_path / "data", "--rows", "vgg16_pwn,deeplab_largefov", "--seeds", "3")
    command += ("--output", tmp_path / "runs", "--results", tmp_path / "results")
    small = ("--", "--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "1", "--data.size", "[40,60]")
    study(*command, "--processes", "2", *small)
    table = (tmp_path / "results/camvid_reduced.md").read_text()
    assert [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][1:5] == [
        "---",
        "DeepLab-LargeFOV",
        "DeepLab-LargeFOV, CRF",
        "VGG-PWN",
    ]
    results = {
        row: json.loads((tmp_path / f"results/camvid_reduced/{row}_seed3.json").read_text())
        for row in ("vgg16_pwn", "deeplab_largefov")
    }
    scores = [result["last"]["scalars"]["mean_iou"] for result in results.values()]
    assert f"| VGG-PWN over DeepLab-LargeFOV | +3.9 % | {100 * (scores[0] / scores[1] - 1):+.1f} % | - |" in table
    by_class = table.split("### By class")[1]
    assert by_class.startswith("\n\nThe paper's networks:\n\n| network | sky | building |")
    assert by_class.count(" - |\n") == 3  # there is no bicyclist in these frames
    for figure in re.findall(r"\]\(results/(.*?)\)", table):
        assert (tmp_path / "results" / figure).stat().st_size > 0
    assert table.count("](results/") == 2

    # Cut off after the last epoch, and within the first.
    last = tmp_path / "runs/camvid_reduced/vgg16_pwn_seed3"
    (last / "report.html").unlink()
    first = tmp_path / "runs/camvid_reduced/deeplab_largefov_seed3"
    (first / "report.html").unlink()
    (first / "checkpoints/last.ckpt").unlink()
    for path in (tmp_path / "results/camvid_reduced").iterdir():
        path.unlink()
    request.getfixturevalue("in_process")
    study(*command, *small)
    for row, result in results.items():
        again = json.loads((tmp_path / f"results/camvid_reduced/{row}_seed3.json").read_text())
        # Close and not equal: kernels may round differently in a process that has run other work before.
        assert again["last"]["scalars"] == pytest.approx(result["last"]["scalars"], abs=0.01)
        assert (again["training_seconds"] == result["training_seconds"]) == (row == "vgg16_pwn")


def test_only_the_better_learning_rate_is_trained_from_the_next_seed(study, tmp_path, monkeypatch):
    first = {"segnet": 0.3, "segnet_slow": 0.4, "vgg16_pwp": 0.4, "vgg16_pwn": 0.2}
    first |= {"vgg16_pwn_1": 0.6, "vgg16_pwp_1": 0.5, "trial_sum": 0.5}
    trained = []

    with torch.device("meta"):
        config = create_model("segnet", classes=1, encoder_weights=None).config
    costs = {"parameters": 1, "network": config}

    def train_run(run, _):
        trained.append(run.name)
        score = first[run.row.name] - run.seed / 10
        scores = {"scalars": {"mean_iou": score}, "per_class": {"iou": {"sky": score}}, "names": ["sky"]}
        run.result.parent.mkdir(parents=True, exist_ok=True)
        # Three epochs, one of them slowed down by other work.
        curves = [{"epoch": 1, "seconds": 50}, {"epoch": 2, "seconds": 900}, {"epoch": 3, "seconds": 40}]
        run.result.write_text(json.dumps({"made_by": run.recipe, "last": scores, "curves": curves, **costs}))
        return True

    monkeypatch.setattr(import_module("runs"), "train_run", train_run)
    command = ("camvid", "--data", tmp_path, "--rows", ",".join(first), "--seeds", "0,1")
    study(*command, "--output", tmp_path / "runs", "--results", tmp_path)
    assert trained == [
        *(f"{name}_seed0" for name in first),
        *(f"{name}_seed1" for name in first if name != "segnet"),
    ]
    table = (tmp_path / "camvid_reduced.md").read_text()
    assert "**35.0** | 40.0, 30.0 | 2 |" in table
    assert "**30.0** | 30.0 | 2 |" in table
    assert "| VGG-PWN over SegNet, learning rate 0.001 | +18.1 % | -57.1 % | +57.1 % |" in table
    assert "| VGG-PWN over VGG-PWP | +3.9 % | -57.1 % | +22.2 % |" in table
    assert "images of 120x160; the networks on VGG-16 have `vgg16_quarter`" in table
    assert "shifted masks" not in table

    old = tmp_path / "camvid_reduced/segnet_seed0.json"
    result = json.loads(old.read_text())
    del result["network"]["preprocessing"]["resize"]  # from before networks knew how images are resized
    old.write_text(json.dumps(result))
    study(*command, "--output", tmp_path / "runs", "--results", tmp_path)
    marked = (tmp_path / "camvid_reduced.md").read_text().split("Trained with shifted masks, to be measured again.")
    headings = [re.findall("^(?:###.*|.*:)$", before, re.MULTILINE)[-1] for before in marked[:-1]]
    assert headings == [
        "### The paper's networks",
        "### The paper's claims",
        "The paper's networks:",
        "### Curves",
    ]


def configuration(recipe, *arguments):
    """The configuration that `feedbackward fit` prints for a recipe and arguments."""
    with warnings.catch_warnings(action="ignore"):  # from the libraries, as the command does
        return yaml.safe_load(FitCLI("fit", ["--config", str(recipe), *arguments]).full_config)


def test_every_row_has_its_own_training(networks):
    rows = import_module("plan").camvid("reduced")
    configurations = [configuration(row.recipe, "--data.root", "x", *row.arguments) for row in rows]
    assert len({json.dumps(found) for found in configurations}) == len(rows) == len({row.name for row in rows})


def test_the_recommended_settings_are_the_defaults(networks):
    plan = import_module("plan")
    assert replace(plan.RECOMMENDED, output_stride="auto") == DecoderConfig()


def test_the_recipe_for_camvid_is_the_recommended_one(networks):
    (row,) = (row for row in import_module("plan").camvid("full") if row.name == "mobilenetv2_100_scaled")
    study = configuration(row.recipe, "--data.root", "x", *row.arguments)
    recipe = configuration("camvid_mobilenetv2", "--data.root", "x")
    for name in ("name", "encoder_weights", "loss", "optimizer", "scheduler"):
        assert recipe["model"][name] == study["model"][name]
    recipe_data, study_data = recipe["data"]["init_args"], study["data"]["init_args"]
    assert recipe_data["batch_size"] == study_data["batch_size"]
    # The recipe crops to the size of the images.
    assert study_data["augmentation"]["crop"] == [360, 480]
    assert recipe_data["augmentation"] == {**study_data["augmentation"], "crop": None}


@pytest.mark.parametrize(
    "name", ["flipped_kernels", "without_skips", "early_skips", "without_activations", "deep_supervision"]
)
def test_changed_networks_are_saved_and_loaded(networks, name, tmp_path):
    decoder = DecoderConfig(output_stride=2)
    network = create_model(name, encoder_name="test_resnet", encoder_weights=None, classes=3, decoder=decoder).eval()
    network.save_pretrained(tmp_path)
    loaded, image = from_pretrained(tmp_path), torch.rand(1, 3, 32, 48)
    assert type(loaded) is type(network)
    torch.testing.assert_close(loaded(image), network(image))


def test_flipping_symmetric_kernels_changes_nothing(networks):
    plain, flipped = (variant(name, DecoderConfig()).eval() for name in (None, "flipped_kernels"))
    flipped.load_state_dict(plain.state_dict())
    image = torch.rand(1, 3, 40, 50)
    assert not torch.allclose(plain(image), flipped(image))
    for weight in plain.encoder.parameters():
        if weight.ndim == 4:
            weight.data = weight.data + weight.data.flip(2, 3)
    flipped.load_state_dict(plain.state_dict())
    torch.testing.assert_close(plain(image), flipped(image))


def test_without_skips_the_decoder_reads_only_the_deepest_features(networks):
    network = variant("without_skips", DecoderConfig(output_stride=1, head_input="sum")).eval()
    assert not network.decoder_graph().graph.find_nodes(op="call_function", target=fuse)
    deepest = network.encoder.get_submodule("features.30")
    assert isinstance(deepest, torch.nn.MaxPool2d)
    handle = deepest.register_forward_hook(lambda _, __, value: torch.zeros_like(value))
    try:
        first, second = network(torch.rand(1, 3, 40, 50)), network(torch.rand(1, 3, 40, 50))
    finally:
        handle.remove()
    torch.testing.assert_close(first, second)


@pytest.mark.parametrize(
    ("name", "join"),
    [
        (None, lambda signal, feature: signal.relu() + feature),
        ("early_skips", lambda signal, feature: (signal + feature).relu()),
        ("without_activations", lambda signal, feature: signal + feature),
    ],
)
def test_where_the_skip_connection_is_added(networks, name, join):
    network, image = small(name, output_stride=1)
    *_, (_, signal) = decoded_by_hand(network, image, join)
    torch.testing.assert_close(network(image), network.head(signal))


def test_the_first_feature_of_each_stride(networks):
    network, image = small(None, output_stride=4, output_feature="first")
    firsts = dict(reversed(decoded_by_hand(network, image)))  # the first of each stride replaces the later ones
    size = {"size": image.shape[2:], "mode": "bilinear"}
    torch.testing.assert_close(network(image), F.interpolate(network.head(firsts[4]), **size))


def small(name, **options):
    network = variant(name, replace(PAPER, **options))
    return network.double().eval(), torch.rand(1, 3, 64, 96, dtype=torch.float64)


def variant(name, decoder):
    """A network on the narrow VGG-16 with batch norms: one of decoder_variants, or ours if the name is None."""
    options = {"encoder_weights": None, "encoder_norm": "batch", "classes": 3, "decoder": decoder}
    if name is None:
        return create_model("vgg16_quarter", **options)
    return create_model(name, encoder_name="vgg16_quarter", **options)


def decoded_by_hand(network, image, join=lambda signal, feature: signal.relu() + feature):
    """The stride and the signal after each skip connection of a VGG, last layer first, decoded by hand."""
    layers, values = list(network.encoder.features.children()), [image]
    for layer in layers:
        value = layer(values[-1])
        values.append(layer.norm(value) if isinstance(layer, torch.nn.Conv2d) else value)
    signal, joined = values[-1], []
    for i in range(len(layers) - 1, 0, -1):
        if isinstance(layers[i], torch.nn.MaxPool2d):
            signal = F.interpolate(signal, scale_factor=2)
        elif isinstance(layers[i], torch.nn.ReLU):
            signal = join(signal, values[i + 1])
            joined.append((image.shape[2] // signal.shape[2], signal))
        elif f"features.{i}.norm" in dict(network.decoder.named_modules()):
            weight = layers[i].weight
            weight = weight if layers[i].in_channels == layers[i].out_channels else weight.transpose(0, 1)
            signal = network.decoder.get_submodule(f"features.{i}.norm")(F.conv2d(signal, weight, padding=1))
        else:  # beyond the end of the decoder
            break
    return joined


def test_deep_supervision_adds_the_loss_of_scores_at_the_u_turn(networks):
    network = variant("deep_supervision", DecoderConfig(output_stride=1))
    image, mask = torch.rand(2, 3, 64, 96), torch.randint(3, (2, 64, 96))
    with torch.no_grad():
        logits = network(image)
        second = F.interpolate(network.second_head(network.encoder(image)), (64, 96), mode="bilinear")
    torch.testing.assert_close(logits[2:], second)
    loss, usual = import_module("decoder_variants").DeeplySupervisedLoss(), CrossEntropyIoULoss()
    torch.testing.assert_close(loss(logits, mask), usual(logits[:2], mask) + 0.4 * usual(second, mask))
    scores = network.eval()(image)
    assert scores.shape == (2, 3, 64, 96)
    assert loss(scores, mask) == usual(scores, mask)
