"""The study's command on synthetic streets in Cityscapes' layout, and the study's own networks."""

import json
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
from safetensors.torch import load_file, save_file

from feedbackward.cli.fit_cli import FitCLI
from feedbackward.cli.main import main
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.models import create_model, from_pretrained
from feedbackward.models.builders import MODELS, PRESETS
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


@pytest.mark.slow
@pytest.mark.usefixtures("in_process", "narrow")
def test_table_1_by_one_command(study, tmp_path, capsys):
    main(
        ["streets", "--output", str(tmp_path / "data"), "--train", "4", "--val", "2", "--test", "1", "--size", "64,128"]
    )
    command = ("cityscapes", "--data", tmp_path / "data", "--seeds", "1")
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
    study(*command, "--only", "segnet", "--", *SMALL)  # the run folder has its report: nothing is trained
    again = capsys.readouterr().out
    assert "segnet_seed0: mean IoU" in again
    with pytest.raises(SystemExit, match="unknown group or row 'fcn'; did you mean fcn8s"):
        study(*command, "--only", "fcn")
    with pytest.raises(SystemExit, match=r"segnet_seed0\.json was made with another recipe or other arguments"):
        study(*command, "--only", "segnet", "--", *SMALL, "--trainer.max_epochs", "2")


def percent(scores: dict) -> list[str]:
    names = ("mean_iou", "iiou_class", "iou_category", "iiou_category")
    return [f"{100 * scores['scalars'][name]:.1f}" for name in names]


@pytest.mark.slow
def test_a_study_resumes_after_an_interruption(study, tmp_path, request):
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            mask = np.arange(60, dtype=np.uint8).reshape(1, 60) // 6 * np.ones((40, 1), dtype=np.uint8)
            for folder, array in ((split, np.stack(3 * [20 * mask], axis=2)), (f"{split}annot", mask)):
                (tmp_path / "data/camvid" / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(tmp_path / "data/camvid" / folder / f"{number}.png")
    command = ("claims", "--data", tmp_path / "data", "--only", "lite0_plain", "--seeds", "1")
    command += ("--output", tmp_path / "runs", "--results", tmp_path / "results")
    small = ("--", "--trainer.max_epochs", "2", "--trainer.check_val_every_n_epoch", "1", "--data.size", "[40,60]")
    small += ("--data.augmentation.crop", "[40,60]", "--model.encoder_weights", "null")
    study(*command, "--processes", "2", *small)
    names = ("lite0_plain_lr0.003_seed0", "lite0_plain_lr0.001_seed0")
    results = {name: json.loads((tmp_path / f"results/claims/{name}.json").read_text()) for name in names}
    best = max(results.values(), key=lambda result: result["last"]["scalars"]["mean_iou"])
    table = (tmp_path / "results/claims_camvid.md").read_text()
    assert f"| **{100 * best['last']['scalars']['mean_iou']:.1f}** |" in table
    assert "x" not in {argument for result in results.values() for argument in result["made_by"]["arguments"]}

    # Cut off after the last epoch, and within the first.
    last, first = (tmp_path / "runs/claims" / name for name in names)
    (last / "report.html").unlink()
    (first / "report.html").unlink()
    (first / "checkpoints/last.ckpt").unlink()
    for path in (tmp_path / "results/claims").iterdir():
        path.unlink()
    request.getfixturevalue("in_process")
    study(*command, *small)
    for name, result in results.items():
        again = json.loads((tmp_path / f"results/claims/{name}.json").read_text())
        # Close and not equal: kernels may round differently in a process that has run other work before.
        assert again["last"]["scalars"] == pytest.approx(result["last"]["scalars"], abs=0.01)
        assert (again["training_seconds"] == result["training_seconds"]) == (name == names[0])


def test_only_the_best_learning_rate_is_trained_from_the_other_seeds(study, tmp_path, monkeypatch):
    scores = {"lite0_unet_lr0.003": 0.3, "lite0_unet_lr0.001": 0.4, "lite0_plain_frozen_lr0.01": 0.6}
    scores |= {"lite0_plain_frozen_lr0.003": 0.5}
    trained = []
    with torch.device("meta"):
        config = create_model("mobilenetv2_050", classes=1, encoder_weights=None).config

    def train_run(run):
        trained.append(run.name)
        score = scores[run.name.partition("_seed")[0]] - run.seed / 10
        # Three epochs, one of them slowed down by other work.
        curves = [{"epoch": 1, "seconds": 50}, {"epoch": 2, "seconds": 900}, {"epoch": 3, "seconds": 40}]
        result = {"made_by": run.recipe, "last": {"scalars": {"mean_iou": score}}, "curves": curves, "network": config}
        run.result.parent.mkdir(parents=True, exist_ok=True)
        run.result.write_text(json.dumps(result))
        return True

    monkeypatch.setattr(import_module("runs"), "train_run", train_run)
    command = ("claims", "--data", tmp_path, "--only", "lite0_unet,lite0_plain_frozen")
    study(*command, "--output", tmp_path / "runs", "--results", tmp_path)
    assert trained == [
        *(f"{name}_seed0" for name in scores),
        "lite0_unet_lr0.001_seed1",
        "lite0_unet_lr0.001_seed2",
    ]
    table = (tmp_path / "claims_camvid.md").read_text()
    assert "| 0.001 | **30.0** | 40.0, 30.0, 20.0 | 2 |" in table
    assert "| 0.01 | **60.0** | 60.0 | 2 |" in table


def test_a_packed_study_is_trained_in_its_full_form(study, tmp_path, monkeypatch, in_process):
    """Two batches of the smallest size, on the CPU, as a rehearsal for a GPU."""
    for split in ("train", "val"):
        for number in range(2):
            for folder, array in ((split, np.zeros((36, 48, 3))), (f"{split}annot", np.zeros((36, 48)))):
                (tmp_path / "data/camvid" / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array.astype(np.uint8)).save(tmp_path / "data/camvid" / folder / f"{number}.png")
    encoder = create_model("tf_efficientnet_lite0", classes=1, encoder_weights=None).encoder
    (tmp_path / "weights").mkdir()
    for name in ("tf_efficientnet_lite0", "vgg16_convolutions"):
        save_file(encoder.state_dict(), tmp_path / "weights" / f"{name}.safetensors")
    pack = import_module("pack")
    monkeypatch.setattr(
        "sys.argv", ["pack", *(f"--{name}={tmp_path / name}" for name in ("data", "weights", "output"))]
    )
    pack.main()
    packed = tmp_path / "output"
    assert load_file(packed / "weights/vgg16_convolutions.safetensors")["conv_stem.weight"].dtype == torch.float16
    command = ("claims", "--full", "--only", "lite0_frozen", "--data", packed / "data", "--weights", packed / "weights")
    command += ("--seeds", "1", "--output", tmp_path / "runs", "--results", tmp_path / "results")
    small = ("--trainer.accelerator", "cpu", "--trainer.precision", "32", "--data.size", "[36,48]")
    small += ("--data.augmentation.crop", "[36,48]", "--data.num_workers", "0", "--trainer.limit_train_batches", "1")
    small += ("--trainer.max_epochs", "1", "--trainer.check_val_every_n_epoch", "1", "--data.batch_size", "2")
    study(*command, "--minutes", "0", "--", *small)
    assert not (tmp_path / "results").exists()
    study(*command, "--", *small)
    assert "Images of 360x480." in (tmp_path / "results/claims_full_camvid.md").read_text()


def test_few_images_are_a_random_part_of_the_training_images(networks, tmp_path):
    runs, plan = import_module("runs"), import_module("plan")
    for kind, suffix in (("images", ".jpg"), ("masks", ".png")):
        for split in ("train", "val"):
            (tmp_path / "nuclei" / kind / split).mkdir(parents=True)
            for number in range(20):
                (tmp_path / "nuclei" / kind / split / f"{number}{suffix}").touch()
    row = replace(plan.claims()[0].rows[0], data="nuclei", images=5)
    folders = runs.Folders(tmp_path, tmp_path, tmp_path, tmp_path)
    found = []
    for seed in (0, 0, 1):
        with runs.data_of(runs.Run(row, None, seed, (), folders)) as part:
            names = {path.stem for path in (part / "images/train").iterdir()}
            assert names == {path.stem for path in (part / "masks/train").iterdir()}
            assert len(list((part / "images/val").iterdir())) == 20
            found.append(names)
    assert found[0] == found[1] != found[2]
    assert all(len(names) == 5 for names in found)


def test_every_row_has_its_own_training(networks):
    rows = [row for group in import_module("plan").claims() for row in group.rows]
    own = {(row.arguments, row.images) for row in rows}
    assert len(own) == len(rows) == len({row.name for row in rows})


def parsed(recipe, *arguments):
    """What `feedbackward fit` makes of a recipe and arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the libraries, as the command does
        return FitCLI("fit", ["--config", str(recipe), *arguments])


@pytest.mark.slow
def test_every_group_can_be_trained(networks, tmp_path):
    """The first row of each has arguments that `feedbackward fit` accepts."""
    (tmp_path / "classes.yaml").write_text("classes: [a, b]\n")
    for group in import_module("plan").claims():
        row = group.rows[0]
        arguments = ["null" if part.startswith("WEIGHTS/") else part for part in row.arguments]
        arguments = [part.replace("STUDY/", f"{STUDY}/") for part in arguments]
        content = yaml.safe_load(parsed(row.recipe, *arguments, "--data.root", str(tmp_path)).full_config)
        assert content["data"]["init_args"]["size"] == list(group.size)


@pytest.mark.parametrize(("recipe", "name"), [("pretrained", "lite0"), ("frozen", "lite0_frozen_2")])
def test_the_recipes_are_those_of_the_study(networks, recipe, name):
    row = next(row for row in import_module("plan").claims()[0].rows if row.name == name)
    arguments = ["null" if part.startswith("WEIGHTS/") else part for part in row.arguments]
    studied, packaged = (
        parsed(config, *more, "--data.root", "x").config
        for config, more in ((row.recipe, arguments), (recipe, ["--data", "camvid", "--model.encoder_weights", "null"]))
    )
    assert packaged.model.decoder.retrace == "auto"
    packaged.model.decoder.retrace = "all"  # as it is on this encoder: tests/transform/test_chosen_layers.py
    if recipe == "frozen":
        assert packaged.model.decoder.output_stride == "fine"
        packaged.model.decoder.output_stride = 2  # as it is on this encoder: tests/models/test_builders.py
    for option in ("name", "decoder", "freeze_encoder", "loss", "scheduler", "channels_last"):
        assert packaged.model[option] == studied.model[option], option
    assert str(packaged.model.optimizer.init_args.lr) == row.rates[0]
    assert packaged.data.init_args.batch_size == studied.data.init_args.batch_size


@pytest.mark.parametrize("name", ["flipped_kernels", "without_skips", "parallel_low_rank"])
def test_changed_networks_are_saved_and_loaded(networks, name, tmp_path):
    decoder = DecoderConfig(output_stride=2, rank=4)
    network = create_model(name, encoder_name="test_resnet", encoder_weights=None, classes=3, decoder=decoder).eval()
    network.save_pretrained(tmp_path)
    loaded, image = from_pretrained(tmp_path), torch.rand(1, 3, 32, 48)
    assert type(loaded) is type(network)
    torch.testing.assert_close(loaded(image), network(image))


def test_a_peer_is_saved_and_loaded_with_the_options_of_its_library(networks, tmp_path):
    network = create_model("smp/SmallUnet", encoder_name="resnet18", encoder_weights=None, classes=3).eval()
    network.save_pretrained(tmp_path)
    loaded, image = from_pretrained(tmp_path), torch.rand(1, 3, 32, 48)
    torch.testing.assert_close(loaded(image), network(image))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "encoder_weights": "somewhere"}))
    with pytest.raises(InputError, match="a smp network has no encoder_weights"):
        from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["fcn8s", "deeplab_largefov"])
def test_baselines_start_from_the_convolutions_of_a_file(networks, narrow, name, tmp_path):
    modules = create_model("vgg16_quarter", classes=3, encoder_weights=None).encoder.modules()
    layers = [module for module in modules if isinstance(module, torch.nn.Conv2d)]
    path, create = tmp_path / "vgg16.safetensors", partial(create_model, f"{name}_convolutions", classes=3)
    save_file(
        {f"features.{i}.{kind}": getattr(layer, kind) for i, layer in enumerate(layers) for kind in ("weight", "bias")},
        path,
    )
    found = [layer for layer in create(encoder_weights=str(path)).encoder.modules() if type(layer) is torch.nn.Conv2d]
    for layer, expected in zip(found, layers, strict=True):
        torch.testing.assert_close(layer.weight, expected.weight)
    assert create(encoder_weights=None).config["model"] == name  # as for a checkpoint that is scored


def test_parallel_updates_read_the_input_of_the_shared_convolution(networks):
    network = variant("parallel_low_rank", DecoderConfig(output_stride=1, rank=4)).double().eval()
    seen = {}
    for path, module in network.decoder.named_modules():
        if path.endswith(("low_rank", "norm")):
            torch.nn.init.normal_(module[1].weight) if path.endswith("low_rank") else None
            module.register_forward_hook(lambda _, inputs, output, path=path: seen.update({path: (inputs[0], output)}))
    network(torch.rand(1, 3, 40, 50, dtype=torch.float64))
    path = "features.28"
    layer = network.encoder.get_submodule(path)
    signal, update = seen[f"{path}.low_rank"]
    shared = F.conv2d(signal, layer.weight, padding=1)  # it keeps the number of channels
    torch.testing.assert_close(seen[f"{path}.norm"][0], shared + update)


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


def variant(name, decoder):
    """A network on the narrow VGG-16 with batch norms: one of decoder_variants, or ours if the name is None."""
    options = {"encoder_weights": None, "encoder_norm": "batch", "classes": 3, "decoder": decoder}
    if name is None:
        return create_model("vgg16_quarter", **options)
    return create_model(name, encoder_name="vgg16_quarter", **options)
