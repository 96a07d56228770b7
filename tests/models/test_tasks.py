"""Several tasks on one backbone: each computes what it computes alone, and the encoder runs once."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import timm
import torch
from PIL import Image
from torch import nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.cli.main import main
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.models import TaskNetwork
from feedbackward.models.encoder import create_encoder
from feedbackward.models.image_classifier import ImageClassifier
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.predictor import Predictor
from feedbackward.segmenters.tiles import Tiles

NAME = "test_resnet"
TASKS = {
    "leaves": (ClassTable(("background", "leaf"), ((0, 0, 0), (0, 176, 0))), DecoderConfig(rank=2)),
    "cells": (ClassTable(("a", "b", "c"), ((1, 2, 3), (4, 5, 6), (7, 8, 9))), DecoderConfig(output_stride=2)),
    "roads": (
        ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180))),
        DecoderConfig(head_channels=8, head_strides="all", rank="full"),
    ),
}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("backbone") / "encoder.pth"
    torch.save(create_encoder(NAME, weights=None, in_channels=3).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def networks(backbone):
    built = {}
    for seed, (name, (table, decoder)) in enumerate(TASKS.items()):
        torch.manual_seed(seed)
        network = fb.create_model(
            NAME, classes=len(table), encoder_weights=backbone, decoder=decoder, freeze_encoder=True
        )
        network.class_table = table
        network(torch.randn(4, 3, 64, 64))  # its norms get statistics
        built[name] = network.eval()
    return built


@pytest.fixture(scope="module")
def adapters(networks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapters")
    for name, network in networks.items():
        network.save_adapter(folder / f"{name}.safetensors")
    return [folder / f"{name}.safetensors" for name in networks]


@pytest.fixture(scope="module")
def exported(adapters, backbone, tmp_path_factory, while_exporting):
    """The report of an export of all tasks, which takes long: one for all tests."""
    with while_exporting():
        return fb.export(fb.load_tasks(adapters, backbone=backbone), tmp_path_factory.mktemp("exported") / "tasks.onnx")


@pytest.mark.parametrize("weights", ["memory", "speed"])
def test_each_task_has_the_logits_that_it_has_alone(networks, weights):
    image = torch.rand(2, 3, 65, 97)
    with torch.no_grad():
        expected = {name: network(image) for name, network in networks.items()}
    joined = TaskNetwork(networks, weights=weights)
    for _ in range(2):  # no value that another task reads was overwritten
        assert_close(joined(image), expected, rtol=1e-4, atol=1e-5)
    assert_close(joined.logits(image), torch.cat(list(expected.values()), dim=1), rtol=1e-4, atol=1e-5)


def test_the_encoder_runs_once(networks):
    joined, runs = TaskNetwork(networks), Counter()
    layers = {path: module for path, module in joined.decode.encoder.named_modules() if isinstance(module, nn.Conv2d)}
    for path, module in layers.items():
        module.register_forward_hook(lambda *_, path=path: runs.update([path]))
    joined(torch.rand(1, 3, 64, 96))
    assert runs == Counter(dict.fromkeys(layers, 1))


def test_each_weight_is_stored_once(networks):
    joined = TaskNetwork(networks)
    parts = [networks["leaves"].encoder]
    parts += [part for network in networks.values() for part in (network.decoder, network.head)]
    expected = sum(parameter.numel() for part in parts for parameter in part.parameters())
    assert sum(parameter.numel() for parameter in joined.parameters()) == expected


def test_a_picture_has_a_result_for_each_task(networks, adapters, backbone):
    image = np.random.default_rng(0).integers(0, 256, (65, 97, 3), np.uint8)
    results = fb.load(adapters, backbone=backbone)(image)
    assert list(results) == list(TASKS)
    for name, adapter in zip(TASKS, adapters, strict=True):
        alone = fb.load(adapter, backbone=backbone)(image)
        assert results[name].table == TASKS[name][0]
        assert (results[name].mask == alone.mask).mean() > 0.99
        np.testing.assert_allclose(results[name].probabilities, alone.probabilities, atol=1e-4)


@pytest.mark.parametrize("options", [{"augment": Augment(flip=True)}, {"tiles": Tiles(size=(128, 128), overlap=32)}])
def test_flips_and_tiles_are_those_of_each_task(adapters, backbone, options):
    image = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    results = fb.load(adapters, backbone=backbone, **options)(image)
    for name, adapter in zip(TASKS, adapters, strict=True):
        alone = fb.load(adapter, backbone=backbone, **options)(image)
        np.testing.assert_allclose(results[name].probabilities, alone.probabilities, atol=1e-4)


def test_a_threshold_is_that_of_the_task_with_the_class(adapters, backbone):
    image = np.random.default_rng(0).integers(0, 256, (65, 97, 3), np.uint8)
    results, plain = (fb.load(adapters, backbone=backbone, thresholds=t)(image) for t in ({"leaf": 0.7}, None))
    np.testing.assert_array_equal(results["leaves"].mask, plain["leaves"].probabilities[1] >= np.float32(0.7))
    for name in ("cells", "roads"):
        np.testing.assert_array_equal(results[name].mask, plain[name].mask)


def test_predict_writes_a_folder_for_each_task(adapters, backbone, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (65, 97, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    model = ",".join(map(str, adapters))
    command = ["predict", model, str(tmp_path / "photo.png"), "--backbone", str(backbone)]
    main([*command, "--output", str(tmp_path / "out"), "--json", "--save", "masks"])
    capsys.readouterr()
    for name, adapter in zip(TASKS, adapters, strict=True):
        alone = fb.load(adapter, backbone=backbone)(pixels)
        written = np.asarray(Image.open(tmp_path / "out" / name / "masks" / "photo.png"))
        assert (written == alone.mask).mean() > 0.99
    main([*command, "--output", str(tmp_path / "out"), "--json", "--save", "masks"])
    assert '"done_before": 1' in capsys.readouterr().out


def test_an_onnx_file_has_an_output_for_each_task_and_each_weight_once(networks, exported):
    assert exported.size < 1.15 * exported.parameters
    image = torch.rand(1, 3, 65, 97)
    session = onnxruntime.InferenceSession(exported.files[0])
    assert [output.name for output in session.get_outputs()] == list(TASKS)
    for output, network in zip(session.run(None, {"image": image.numpy()}), networks.values(), strict=True):
        with torch.no_grad():
            assert_close(torch.from_numpy(output), network(network.preprocessing(image)), rtol=1e-3, atol=1e-4)


def test_a_file_of_several_tasks_predicts_as_they_do(adapters, backbone, exported):
    image = np.random.default_rng(0).integers(0, 256, (65, 97, 3), np.uint8)
    expected = fb.load(adapters, backbone=backbone)(image)
    found = fb.load(exported.files[0])(image)
    for name in TASKS:
        np.testing.assert_allclose(found[name].probabilities, expected[name].probabilities, atol=1e-3)


def test_the_encoder_s_own_classes_come_out_unchanged(adapters, tmp_path):
    """The adapters' backbone with a classifier, whose classes are those of timm's own network."""
    torch.manual_seed(0)
    whole = timm.create_model(NAME)
    torch.save(whole.state_dict(), tmp_path / "whole.pth")
    network = fb.create_model(NAME, classes=2, encoder_weights=tmp_path / "whole.pth", freeze_encoder=True)
    network.save_adapter(tmp_path / "leaves.safetensors")
    joined = fb.load_tasks([tmp_path / "leaves.safetensors"], backbone=tmp_path / "whole.pth", classifier=True)
    image = torch.rand(2, 3, 64, 96)
    found = joined(image)
    assert found["leaves"].shape == (2, 2, 64, 96)
    with torch.no_grad():
        assert_close(found["image_classes"], whole.eval()(image))
    assert joined.logits(image).shape == (2, 2, 64, 96)
    sizes = [sum(parameter.numel() for parameter in part.parameters()) for part in (joined, whole)]
    own = sum(weight.numel() for part in (network.decoder, network.head) for weight in part.parameters())
    assert sizes[0] == sizes[1] + own


def test_classes_of_other_features_are_refused(backbone, tmp_path):
    network = fb.create_model(NAME, classes=2, encoder_weights=None, freeze_encoder=True)
    torch.save(timm.create_model(NAME).state_dict(), tmp_path / "whole.pth")
    with pytest.raises(InputError, match=f"the classifier of {NAME} does not read what this network's encoder comput"):
        ImageClassifier(network, weights=tmp_path / "whole.pth")
    with pytest.raises(InputError, match=r"2 of \d+ tensors missing"):
        ImageClassifier(network, weights=backbone)


def test_predict_writes_a_folder_for_each_task_of_an_exported_file(adapters, backbone, exported, tmp_path, capsys):
    file = str(exported.files[0])
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (65, 97, 3), np.uint8)).save(tmp_path / "photo.png")
    main(["predict", file, str(tmp_path / "photo.png"), "--output", str(tmp_path / "out")])
    expected = fb.load(adapters, backbone=backbone)(tmp_path / "photo.png")
    for name in TASKS:
        written = np.asarray(Image.open(tmp_path / "out" / name / "masks" / "photo.png"))
        assert (written == expected[name].mask).mean() > 0.99
    evaluate = ["evaluate", "--dataset", "camvid", "--ground-truth", str(tmp_path), "--source", str(tmp_path)]
    with pytest.raises(SystemExit):
        main([*evaluate, "--model", file])
    expected = "tasks.onnx predicts 3 tasks, and one can be scored; score the adapter of one task"
    assert expected in capsys.readouterr().err


def test_a_predictor_of_one_task_refuses_several(networks):
    predictor = Predictor(TaskNetwork(networks))
    image = np.zeros((65, 97, 3), np.uint8)
    for method in (predictor, predictor.predict):
        with pytest.raises(InputError, match="there are 3 tasks; use TaskPredictor"):
            method(image)


def test_another_set_of_tasks_may_follow_one_with_a_skipped_image(adapters, backbone, tmp_path):
    Image.fromarray(np.zeros((65, 97, 3), np.uint8)).save(tmp_path / "photo.png")
    (tmp_path / "broken.png").write_bytes(b"broken")
    command = [str(tmp_path / name) for name in ("photo.png", "broken.png")]
    command += ["--backbone", str(backbone), "--output", str(tmp_path / "out"), "--quiet"]
    for chosen in (adapters[:2], adapters[1:]):
        with pytest.raises(SystemExit, match="1"):
            main(["predict", ",".join(map(str, chosen)), *command])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*TASKS, "skipped.csv"])


def test_a_classifier_is_not_exported(networks, tmp_path):
    torch.save(timm.create_model(NAME).state_dict(), tmp_path / "whole.pth")
    network = fb.create_model(NAME, classes=2, encoder_weights=tmp_path / "whole.pth", freeze_encoder=True)
    classifier = ImageClassifier(network, weights=tmp_path / "whole.pth")
    with pytest.raises(InputError, match="the classes of whole images are not exported"):
        fb.export(TaskNetwork({"a": network}, classifier=classifier), tmp_path / "tasks.onnx")


def networks_of(backbone: Path, **second) -> dict[str, fb.Feedbackward]:
    torch.manual_seed(1)
    common = {"classes": 2, "encoder_weights": backbone, "freeze_encoder": True}
    return {
        "a": fb.create_model(NAME, **common),
        "b": fb.create_model(second.pop("name", NAME), **(common | second)),
    }


def test_tasks_that_cannot_share_an_encoder_are_refused(backbone):
    with pytest.raises(InputError, match="no task; give at least one network"):
        TaskNetwork({})
    with pytest.raises(InputError, match="a task cannot be named image, as another input or output is"):
        TaskNetwork({"image": networks_of(backbone)["a"]})
    own = fb.Feedbackward(nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.ReLU()), classes=2, freeze_encoder=True)
    with pytest.raises(InputError, match="a: its encoder is a module of your own"):
        TaskNetwork({"a": own})
    with pytest.raises(InputError, match="a and b cannot run in one pass: their encoders have other weights"):
        TaskNetwork(networks_of(backbone, encoder_weights=None))
    stages = fb.DecoderConfig(retrace="stages", head_channels=8)
    with pytest.raises(InputError, match='has retrace="stages", which leaves out the encoder\'s last layer'):
        TaskNetwork(
            {
                name: fb.create_model(
                    "test_efficientnet", classes=2, encoder_weights=None, freeze_encoder=True, decoder=decoder
                )
                for name, decoder in (("a", None), ("b", stages))
            }
        )
    with pytest.raises(InputError, match="their values of encoder_name are test_resnet and test_efficientnet"):
        TaskNetwork(networks_of(backbone, name="test_efficientnet", encoder_weights=None))
    with pytest.raises(InputError, match="b: its encoder's norms were trained for it"):
        TaskNetwork(networks_of(backbone, freeze_encoder="weights"))
    resized = networks_of(backbone)
    resized["b"].preprocessing = fb.Preprocessing(
        resized["a"].preprocessing.mean, resized["a"].preprocessing.std, resize=fb.Resize(size=(64, 96))
    )
    message = (
        r"a and b cannot run in one pass: they read, resize or normalize images differently \(resize: not resized "
        r"for a, resized to 64x96 \(height x width\) for b\); run them one after the other"
    )
    with pytest.raises(InputError, match=message):
        TaskNetwork(resized)


def test_two_adapters_of_one_name_are_refused(adapters, backbone):
    with pytest.raises(InputError, match="two adapters are named leaves; rename one of the files"):
        fb.load_tasks([adapters[0], adapters[0]], backbone=backbone)
