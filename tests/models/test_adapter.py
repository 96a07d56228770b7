"""Adapters: what they contain, which backbones they accept, and that their networks compute what was saved."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.cli.main import main
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.models.adapter import KEY
from feedbackward.models.encoder import create_encoder
from feedbackward.nn import LowRank

DECODER = DecoderConfig(rank=4, head_channels=8, head_strides="all")
TABLE = ClassTable(("leaf", "symptom", "sky"), ((0, 176, 0), (255, 0, 0), (0, 0, 255)))
NAME = "test_efficientnet"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the weights of an encoder, whose norms have statistics as after training."""
    torch.manual_seed(0)
    encoder = create_encoder(NAME, weights=None, in_channels=3)
    encoder.train()
    for _ in range(3):
        encoder(torch.randn(4, 3, 64, 64))
    path = tmp_path_factory.mktemp("backbone") / "encoder.safetensors"
    save_file(encoder.state_dict(), path)
    return path


def trained(backbone: Path, *, seed: int = 0, **options: Any) -> fb.Feedbackward:
    """A network on the backbone that has seen a few batches."""
    torch.manual_seed(seed)
    options = {"decoder": DECODER, "freeze_encoder": True, **options}
    network = fb.create_model(NAME, classes=3, encoder_weights=backbone, **options)
    network.class_table = TABLE
    optimizer = torch.optim.SGD([weight for weight in network.parameters() if weight.requires_grad], lr=0.01)
    for _ in range(3):
        network(torch.randn(4, 3, 64, 64)).square().mean().backward()
        optimizer.step()
    assert any(module.up.weight.any() for module in network.modules() if isinstance(module, LowRank))
    return network.eval()


@pytest.fixture(scope="module")
def network(backbone: Path) -> fb.Feedbackward:
    return trained(backbone)


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.rand(2, 3, 65, 97, generator=torch.Generator().manual_seed(0))


def logits(network: nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        return network(image)


def test_loaded_on_its_backbone_it_is_the_network(network, backbone, image, tmp_path):
    network.save_adapter(tmp_path / "leaves.safetensors", scores={"mean IoU": "81.2"})
    loaded = fb.load_adapter(tmp_path / "leaves.safetensors", backbone=backbone)
    assert torch.equal(logits(loaded, image), logits(network, image))
    assert loaded.config == network.config
    assert loaded.class_table == TABLE
    assert not any(weight.requires_grad for weight in loaded.encoder.parameters())


def test_it_has_no_weight_of_the_encoder(network, tmp_path):
    network.save_adapter(tmp_path / "leaves.safetensors")
    tensors = load_file(tmp_path / "leaves.safetensors")
    own = {name for name in network.state_dict() if not name.startswith("encoder.")}
    assert tensors.keys() == {name for name in own if not name.endswith("num_batches_tracked")}


def test_in_half_precision_it_is_half_as_large_and_nearly_the_same(network, backbone, image, tmp_path):
    sizes = {}
    for dtype in ("float32", "float16"):
        network.save_adapter(tmp_path / f"{dtype}.safetensors", dtype=dtype)
        sizes[dtype] = sum(tensor.nbytes for tensor in load_file(tmp_path / f"{dtype}.safetensors").values())
    assert sizes["float16"] == sizes["float32"] / 2
    loaded = fb.load_adapter(tmp_path / "float16.safetensors", backbone=backbone)
    expected = logits(network, image)
    assert_close(logits(loaded, image), expected, rtol=0, atol=0.01 * expected.abs().max().item())


def test_the_encoder_s_norms_are_in_it_where_they_were_trained(backbone, image, tmp_path):
    network = trained(backbone, freeze_encoder="weights")
    network.save_adapter(tmp_path / "leaves.safetensors")
    loaded = fb.load_adapter(tmp_path / "leaves.safetensors", backbone=backbone)
    assert torch.equal(logits(loaded, image), logits(network, image))
    names = load_file(tmp_path / "leaves.safetensors").keys()
    norms = {path for path, module in network.encoder.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert {name.rpartition(".")[0] for name in names if name.startswith("encoder.")} == {f"encoder.{n}" for n in norms}


def test_only_norms_and_decoder_are_trained_where_the_weights_are_frozen(backbone):
    before = load_file(backbone)
    after = trained(backbone, freeze_encoder="weights").encoder.state_dict()
    changed = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    norms = {name for name in after if name.rpartition(".")[0].endswith(("bn1", "bn2", "bn3"))}
    assert changed == {name for name in norms if not name.endswith("num_batches_tracked")}


def changed(backbone: Path, path: Path, change: Any) -> Path:
    save_file({name: change(name, tensor) for name, tensor in load_file(backbone).items()}, path)
    return path


def test_a_backbone_in_half_precision_is_accepted(network, backbone, tmp_path):
    network.save_adapter(tmp_path / "leaves.safetensors")
    half = changed(backbone, tmp_path / "half.safetensors", lambda _, tensor: tensor.half())
    fb.load_adapter(tmp_path / "leaves.safetensors", backbone=half)


def noise(name: str, tensor: Tensor) -> Tensor:
    """A hundredth of its size added to one tensor."""
    if name != "conv_stem.weight":
        return tensor
    return tensor + 0.01 * tensor.std() * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (noise, r"1 of \d+ tensors differ \(conv_stem\.weight\)"),
        (lambda name, tensor: tensor.flip(0) if name == "conv_stem.weight" else tensor, r"1 of \d+ tensors differ"),
        (lambda name, tensor: tensor + 0.1 if name == "bn1.running_mean" else tensor, r"\(bn1\.running_mean\)"),
    ],
)
def test_other_weights_are_refused(network, backbone, tmp_path, change, message):
    network.save_adapter(tmp_path / "leaves.safetensors")
    other = changed(backbone, tmp_path / "other.safetensors", change)
    with pytest.raises(InputError, match=f"leaves.safetensors was trained on other weights of {NAME} than .*{message}"):
        fb.load_adapter(tmp_path / "leaves.safetensors", backbone=other)


def test_a_network_whose_encoder_was_trained_has_no_adapter(backbone, tmp_path):
    network = fb.create_model(NAME, classes=3, encoder_weights=backbone)
    with pytest.raises(InputError, match="this network's encoder was trained too"):
        network.save_adapter(tmp_path / "leaves.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_module_of_one_s_own_has_no_adapter(tmp_path):
    encoder = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU())
    network = fb.Feedbackward(encoder, classes=3, freeze_encoder=True)
    with pytest.raises(InputError, match="finds its encoder by timm's name"):
        network.save_adapter(tmp_path / "leaves.safetensors")


def test_values_that_are_too_large_for_half_precision_are_refused(backbone, tmp_path):
    network = trained(backbone)
    nn.init.constant_(network.head.norm.running_var, 1e5)
    with pytest.raises(InputError, match=r"head\.norm\.running_var: values that are not finite in float16"):
        network.save_adapter(tmp_path / "leaves.safetensors", dtype="float16")


def test_without_a_backbone_and_a_hub_it_says_what_to_do(network, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    network.save_adapter(tmp_path / "leaves.safetensors")
    with pytest.raises(InputError, match=f"leaves runs on timm's pretrained weights of {NAME}, which are not in the c"):
        fb.load_adapter(tmp_path / "leaves.safetensors")


def damaged(network: fb.Feedbackward, path: Path) -> None:
    network.save_adapter(path)
    path.write_bytes(path.read_bytes()[:-100])


Change = Callable[[dict[str, Tensor], Any], tuple[Any, str]]


def rewritten(network: fb.Feedbackward, path: Path, change: Change) -> None:
    """An adapter whose tensors and description are changed."""
    network.save_adapter(path)
    with safe_open(path, framework="pt") as file:
        content = json.loads(file.metadata()[KEY])
    tensors, text = change(load_file(path), content)
    save_file(tensors, path, metadata={KEY: text})


def incomplete(network: fb.Feedbackward, path: Path) -> None:
    def change(tensors: dict[str, Tensor], content: Any) -> tuple[Any, str]:
        del tensors["head.classify.bias"]
        return tensors | {"head.more": torch.zeros(1)}, json.dumps(content)

    rewritten(network, path, change)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda _, __: None, "there is no adapter or file"),
        (damaged, "is not a valid safetensors file"),
        (lambda _, path: save_file({"a": torch.zeros(1)}, path), "is not an adapter: it has weights, but no descrip"),
        (incomplete, r"1 of \d+ tensors missing \(head\.classify\.bias\); 1 that it does not have \(head\.more\)"),
    ],
)
def test_another_file_is_refused(network, backbone, tmp_path, write, message):
    write(network, tmp_path / "leaves.safetensors")
    with pytest.raises(InputError, match=message):
        fb.load_adapter(tmp_path / "leaves.safetensors", backbone=backbone)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: "not JSON",
        lambda content: "[1, 2]",
        lambda content: json.dumps({**content, "backbone": 5}),
        lambda content: json.dumps({**content, "backbone": "%%%"}),
        lambda content: json.dumps({key: value for key, value in content.items() if key != "network"}),
        lambda content: json.dumps({**content, "network": {**content["network"], "encoder_name": None}}),
        lambda content: json.dumps({**content, "network": {**content["network"], "freeze_encoder": False}}),
        lambda content: json.dumps({**content, "network": {**content["network"], "model": "segnet"}}),
        lambda content: json.dumps({**content, "network": {**content["network"], "decoder": None}}),
        lambda content: json.dumps({**content, "network": {**content["network"], "encoder_weights": "/etc/passwd"}}),
        lambda content: json.dumps({**content, "network": {**content["network"], "classes": 60_000}}),
        lambda content: json.dumps({**content, "scores": {"mean IoU": ["<b>"]}}),
    ],
)
def test_a_damaged_description_is_refused(network, backbone, tmp_path, change):
    path = tmp_path / "leaves.safetensors"
    rewritten(network, path, lambda tensors, content: (tensors, change(content)))
    with pytest.raises(InputError, match=r"leaves\.safetensors"):
        fb.load_adapter(path, backbone=backbone)


def test_a_diverged_training_is_named(backbone, tmp_path):
    network = trained(backbone)
    nn.init.constant_(network.head.norm.running_var, float("nan"))
    with pytest.raises(InputError, match="not finite in float32; the training has diverged"):
        network.save_adapter(tmp_path / "leaves.safetensors")


def test_an_adapter_may_lie_beside_a_config(network, backbone, tmp_path):
    network.save_adapter(tmp_path / "leaves.safetensors")
    (tmp_path / "config.json").write_text("{}")
    assert fb.load(tmp_path / "leaves.safetensors", backbone=backbone).class_table == TABLE


def test_freezing_is_a_truth_value_or_weights():
    with pytest.raises(InputError, match="freeze_encoder=1: expected True, False or 'weights'"):
        fb.create_model(NAME, classes=3, encoder_weights=None, freeze_encoder=1)


def test_a_missing_backbone_is_named(network, tmp_path):
    network.save_adapter(tmp_path / "leaves.safetensors")
    with pytest.raises(
        InputError, match=r"no such backbone: nowhere\.pth; give a file with the weights of the adapter"
    ):
        fb.load_adapter(tmp_path / "leaves.safetensors", backbone="nowhere.pth")


def test_info_shows_an_adapter_without_its_backbone(network, tmp_path, capsys, monkeypatch):
    network.save_adapter(tmp_path / "leaves.safetensors")
    monkeypatch.chdir(tmp_path)
    main(["info", "leaves.safetensors", "--size", "64,96"])
    assert "rank=4" in capsys.readouterr().out


def test_predictions_of_an_adapter_are_scored(network, backbone, tmp_path, capsys):
    network.save_adapter(tmp_path / "leaves.safetensors")
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    mask = fb.load(tmp_path / "leaves.safetensors", backbone=backbone)(pixels).mask
    for folder, array in (("images", pixels), ("masks", mask)):
        (tmp_path / folder).mkdir()
        Image.fromarray(array).save(tmp_path / folder / "a.png")
    classes = [{"name": name, "color": color} for name, color in zip(TABLE.names, TABLE.colors, strict=True)]
    (tmp_path / "classes.yaml").write_text(json.dumps({"classes": classes}))
    command = ["evaluate", "--dataset", "folder", "--classes", str(tmp_path / "classes.yaml")]
    command += ["--ground-truth", str(tmp_path / "masks"), "--source", str(tmp_path / "images")]
    model = ["--model", str(tmp_path / "leaves.safetensors"), "--backbone", str(backbone)]
    main([*command, *model, "--json", str(tmp_path / "scores.json")])
    assert json.loads((tmp_path / "scores.json").read_text())["scalars"]["pixel_accuracy"] == 1


def test_a_backbone_for_a_whole_network_is_refused(network, backbone, tmp_path):
    network.save_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match="contains its encoder; omit the backbone"):
        fb.load(tmp_path / "model", backbone=backbone)


def test_its_description_is_readable_without_the_library(network, tmp_path):
    network.save_adapter(tmp_path / "leaves.safetensors", scores={"mean IoU": "81.2"})
    content = (tmp_path / "leaves.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    described = json.loads(header["__metadata__"]["feedbackward_adapter"])
    assert described["network"]["class_table"]["names"] == list(TABLE.names)
    assert described["network"]["encoder_name"] == NAME
    assert described["scores"] == {"mean IoU": "81.2"}
