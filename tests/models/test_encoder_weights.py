"""Weights of an encoder from files that other programs, and this one, have written."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.models import SegmentationNetwork

State = dict[str, Tensor]


def network(weights: Path, name: str = "test_resnet", **options: object) -> SegmentationNetwork:
    return fb.create_model(name, classes=5, encoder_weights=weights, **options)


@pytest.fixture(scope="module")
def theirs() -> State:
    """The tensors of timm's encoder with its classifier; the encoder's are those not named fc."""
    torch.manual_seed(1)
    state = timm.create_model("test_resnet").state_dict()
    return {name: torch.rand_like(tensor) if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def is_loaded(net: SegmentationNetwork, state: State) -> bool:
    ours = net.encoder.state_dict()
    assert len(ours) > 40
    return all(torch.equal(tensor, state[name]) for name, tensor in ours.items())


def encoder_only(state: State) -> State:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def prefixed(prefix: str) -> Callable[[State], State]:
    return lambda state: {f"{prefix}{name}": tensor for name, tensor in state.items()}


FILES: dict[str, Callable[[State], object]] = {
    "timm's": lambda state: state,
    "without the classifier": encoder_only,
    "with another number of classes": lambda state: {
        **state,
        "fc.weight": torch.zeros(10, 80),
        "fc.bias": torch.zeros(10),
    },
    "of an old torch, without counters": lambda state: {
        name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")
    },
    "in a state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "in a model": lambda state: {"model": state, "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}}},
    "in a network": lambda state: {"network": state},
    "DataParallel's": prefixed("module."),
    "Lightning's": lambda state: {"state_dict": prefixed("model.")(state), "pytorch-lightning_version": "2"},
    "with a backbone": lambda state: {**prefixed("backbone.")(encoder_only(state)), "head.weight": torch.zeros(1)},
    "with an encoder": prefixed("encoder."),
    "with several prefixes": lambda state: {"state_dict": prefixed("module.network.encoder.")(state)},
    "a moving average of them": lambda state: {
        "state_dict": {name: tensor + 1 for name, tensor in state.items()},
        "state_dict_ema": state,
    },
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_loads_if_it_contains_the_encoder(kind: str, theirs: State, tmp_path: Path) -> None:
    content = FILES[kind](theirs)
    torch.save(content, tmp_path / "weights.pth")
    assert is_loaded(network(tmp_path / "weights.pth"), theirs)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, theirs: State) -> tuple[Path, State]:
    """The folder of a saved network with other classes and its encoder's tensors."""
    folder = tmp_path_factory.mktemp("saved")
    net = fb.create_model("test_resnet", classes=19, encoder_weights=None)
    net.encoder.load_state_dict(encoder_only(theirs))
    net.save_pretrained(folder)
    return folder, net.encoder.state_dict()


@pytest.mark.parametrize("file", ["", "model.safetensors"])
def test_a_saved_network_gives_its_encoder(file: str, saved: tuple[Path, State]) -> None:
    folder, state = saved
    assert is_loaded(network(folder / file), state)


def test_a_checkpoint_gives_its_encoder(saved: tuple[Path, State], tmp_path: Path) -> None:
    net = fb.from_pretrained(saved[0])
    content = {"state_dict": prefixed("network.")(net.state_dict()), "feedbackward": {"network": net.describe()}}
    torch.save(content, tmp_path / "last.ckpt")
    assert is_loaded(network(tmp_path / "last.ckpt"), saved[1])


def test_norms_that_replaced_biases_are_loaded_where_the_file_has_them(tmp_path: Path) -> None:
    options = {"name": "vgg11_narrow", "encoder_norm": "batch"}
    first = fb.create_model(**options, classes=2, encoder_weights=None)
    for norm in first.encoder.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean)
    first.save_pretrained(tmp_path)
    assert is_loaded(network(tmp_path, **options), first.encoder.state_dict())
    with pytest.raises(fb.InputError, match=r"8 of 16 tensors missing \(features\.0\.bias, .* and 5 more\)"):
        network(tmp_path, "vgg11_narrow")


def test_the_convolutions_of_a_vgg_are_enough_where_no_more_is_used(tmp_path: Path) -> None:
    theirs, file = timm.create_model("vgg11_narrow"), tmp_path / "convolutions.safetensors"
    convolutions = {name: value for name, value in theirs.state_dict().items() if name.startswith("features.")}
    save_file(convolutions, file)
    first = [
        network(file, "vgg11_narrow").encoder.get_submodule("features.0"),
        network(file, "segnet", encoder_name="vgg11_narrow").encoder[0][0],
    ]
    for layer in first:
        assert torch.equal(layer.weight, theirs.features[0].weight)
    for name in ("fcn8s", "deeplab_largefov"):
        with pytest.raises(fb.InputError, match=r"4 of 20 tensors missing \(pre_logits\.fc1\.bias"):
            network(file, name, encoder_name="vgg11_narrow")


def test_a_file_in_the_layout_of_the_original_authors_is_converted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """ConvNeXt's authors use other names, and timm renames them if the classifier is there."""
    caplog.set_level("INFO", "feedbackward")
    theirs = timm.create_model("test_convnext").state_dict()
    original = {}
    for name, tensor in theirs.items():
        for pattern, by in (
            (r"^stem\.", "downsample_layers.0."),
            (r"^stages\.(\d+)\.downsample", r"downsample_layers.\1"),
            (r"\.blocks\.", "."),
            ("conv_dw", "dwconv"),
            (r"mlp\.fc", "pwconv"),
            (r"^head\.norm", "norm"),
            (r"^head\.fc", "head"),
        ):
            name = re.sub(pattern, by, name)
        original[name] = tensor
    assert not any(name.startswith("stem") for name in original)
    torch.save({"model": original}, tmp_path / "original.pth")
    assert is_loaded(network(tmp_path / "original.pth", "test_convnext"), theirs)
    assert "original.pth, renamed as timm does it; " in counted(caplog)


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_weights_for_rgb_are_adapted_to_other_channels(channels: int, theirs: State, tmp_path: Path) -> None:
    save_file(theirs, tmp_path / "weights.safetensors")
    found = network(tmp_path / "weights.safetensors", in_channels=channels).encoder.state_dict()["conv1.0.weight"]
    colors = theirs["conv1.0.weight"]
    # A gray image has the output of a color image with three equal channels. More channels repeat the three, scaled so
    # that equal channels keep their sum.
    repeated = colors[:, [0, 1, 2, 0, 1][:channels]] * 3 / channels
    assert_close(found, colors.sum(1, keepdim=True) if channels == 1 else repeated)


def test_weights_for_four_channels_fit_four_channels_only(tmp_path: Path) -> None:
    theirs = timm.create_model("test_resnet", in_chans=4).state_dict()
    torch.save(theirs, tmp_path / "four.pth")
    assert is_loaded(network(tmp_path / "four.pth", in_channels=4), theirs)
    for channels in (1, 3, 5):
        message = rf"1 of another shape \(conv1\.0\.weight is \d+x4x3x3, expected \d+x{channels}x3x3\)"
        with pytest.raises(fb.InputError, match=message):
            network(tmp_path / "four.pth", in_channels=channels)


def without(name: str) -> Callable[[State], State]:
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


REFUSED: list[tuple[Callable[[State], object], str]] = [
    (without("conv1.0.weight"), r"1 of \d+ tensors missing \(conv1\.0\.weight\); give a file with the weights"),
    (lambda state: {**state, "bn1.bias": torch.zeros(7)}, r"1 of another shape \(bn1\.bias is 7, expected \d+\)"),
    (lambda state: {"epoch": torch.tensor(3)}, r"(\d+) of \1 tensors missing \(bn1\.bias"),
    (
        lambda state: {"student": state, "teacher": state},
        r"several such encoders, at 'student\.', 'teacher\.'; save one",
    ),
    (lambda state: [*state.values()], r"is not a valid file of weights"),
    (lambda state: timm.create_model("test_resnet"), r"could run code; save only the tensors"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_a_file_that_does_not_fit_is_refused_by_name(content, message: str, theirs: State, tmp_path: Path) -> None:
    torch.save(content(theirs), tmp_path / "weights.pth")
    with pytest.raises(fb.InputError, match=r"^encoder_weights: '.*weights\.pth' .*" + message) as caught:
        network(tmp_path / "weights.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("length", [0, 1000])
def test_a_damaged_file_is_refused(name: str, length: int, theirs: State, tmp_path: Path) -> None:
    file = tmp_path / name
    save_file(theirs, file) if file.suffix == ".safetensors" else torch.save(theirs, file)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(fb.InputError, match=rf"{name}' is not a valid file of weights: \w+"):
        network(file)


def test_a_tensor_that_is_larger_than_the_file_is_refused(theirs: State, tmp_path: Path) -> None:
    name, tensor = max(theirs.items(), key=lambda item: item[1].numel())
    file = tmp_path / "bomb.pth"
    torch.save({**theirs, "shared": tensor, name: tensor}, file)
    network(file)
    torch.save({**theirs, name: tensor.new_zeros(()).expand_as(tensor)}, file)
    with pytest.raises(fb.InputError, match=r"^encoder_weights: .*bomb\.pth was not loaded: a tensor of .* 4 bytes in"):
        network(file)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a repository in the hub's cache, which is all that can be reached."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository, commit = tmp_path / "models--someone--streets.v2", 40 * "0"
    for folder in ("refs", f"snapshots/{commit}"):
        (repository / folder).mkdir(parents=True)
    (repository / "refs/main").write_text(commit)
    return repository / "snapshots" / commit


def test_a_repository_of_the_hub_gives_its_encoder(hub: Path, theirs: State) -> None:
    save_file(prefixed("encoder.")(theirs), hub / "model.safetensors")
    assert is_loaded(network("someone/streets.v2"), theirs)
    assert is_loaded(network("someone/streets.v2@main"), theirs)
    for name in ("someone/streets.v3", "someone/streets.v2@v1", "../streets", "runs/streets--v2"):
        with pytest.raises(fb.InputError, match=rf"'{name}' is neither a file or folder nor a repository that the hub"):
            network(name)


def test_an_old_repository_of_the_hub_gives_its_encoder(hub: Path, theirs: State) -> None:
    torch.save(theirs, hub / "pytorch_model.bin")
    assert is_loaded(network("someone/streets.v2"), theirs)


def counted(caplog: pytest.LogCaptureFixture) -> str:
    (record,) = (record for record in caplog.records if record.name == "feedbackward.models.encoder_weights")
    return record.getMessage()


def test_the_log_counts_the_tensors(theirs: State, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "feedbackward")
    file = tmp_path / "weights.pth"
    torch.save({"model": theirs}, file)
    net = network(file)
    own = [name for name in net.encoder.state_dict() if not name.endswith("num_batches_tracked")]
    left = "2 others not used (fc.bias, fc.weight)"
    assert counted(caplog) == f"encoder weights: {len(own)} tensors loaded from {file}; {left}"


def test_the_log_counts_what_keeps_its_initial_values(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "feedbackward")
    save_file(encoder_only(timm.create_model("vgg11_narrow").state_dict()), tmp_path / "weights.safetensors")
    network(tmp_path / "weights.safetensors", "vgg11_narrow", encoder_norm="batch")
    assert "; 32 that are missing keep their initial values (" in counted(caplog)  # 4 tensors for each of 8 norms


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(
            fb.InputError, match=r"encoder_weights: no file '.*'; give a file of weights .* random ones"
        ):
            network(path)
