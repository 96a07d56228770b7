"""Descriptions of networks as data: each wrong one is refused before anything is built, however large it asks."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import feedbackward as fb
from feedbackward.errors import InputError
from feedbackward.models.checkpoint import load_checkpoint
from feedbackward.models.hub import _is_all_state

MOST_BYTES = 50 * 2**20


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    torch.manual_seed(0)
    fb.create_model("test_resnet", classes=2, encoder_weights=None).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    for path in saved.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def rewrite(folder: Path, change: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test in which a large tensor with data is made."""
    make = torch.nn.Parameter.__new__

    def checked(cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
        assert data is None or data.is_meta or data.nbytes < MOST_BYTES
        return make(cls, data, requires_grad)

    monkeypatch.setattr(torch.nn.Parameter, "__new__", checked)


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder_weights": "/etc/passwd"}, "has no encoder_weights; expected classes, decoder, encoder_name"),
        ({"encoder": "os.system"}, "has no encoder; expected"),
        ({"surprise": 1}, "a feedbackward network has no surprise; expected classes"),
        ({"classes": 10**9}, "classes=1000000000: expected 1 or more, up to 65536"),
        ({"classes": True}, "classes=True: expected 1 or more"),
        ({"classes": "2"}, "classes='2': expected 1 or more"),
        ({"classes": 60_000}, "of another shape"),
        ({"in_channels": 10**9}, "in_channels=1000000000: expected 1 or more, up to 65536"),
        ({"in_channels": 60_000}, "the preprocessing is for 3 channels, and the network takes 60000"),
        ({"encoder_name": "/etc/passwd"}, "unknown encoder '/etc/passwd'"),
        ({"encoder_name": "local-dir:/etc"}, "unknown encoder"),
        ({"encoder_name": "hf-hub:someone/evil"}, "unknown encoder"),
        ({"encoder_name": 5}, "does not describe a network"),
        ({"encoder_name": "vgg19"}, "tensors missing"),
        ({"freeze_encoder": "no"}, "freeze_encoder='no'"),
        ({"decoder": None}, "the decoder's options are None; expected names with values"),
        ({"model": "segnet"}, "a segnet network has no decoder, encoder_norm, freeze_encoder"),
        ({"model": ["feedbackward"]}, "does not describe a network"),
    ],
)
def test_a_wrong_description_is_refused(change: dict[str, Any], message: str, folder: Path) -> None:
    rewrite(folder, lambda config: config.update(change))
    with pytest.raises(InputError, match=message):
        fb.from_pretrained(folder)


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head_kernel_size": 9999}, "head_kernel_size=9999: expected an odd number, such as 1 or 3, up to 99"),
        ({"head_kernel_size": 99}, "of another shape"),
        ({"head_channels": 10**9}, "head_channels=1000000000"),
        ({"head_channels": 60_000}, "tensors missing"),
        ({"rank": 10**9}, "rank=1000000000"),
        ({"rank": 60_000}, "tensors missing"),
        ({"output_stride": 10**9}, "output_stride=1000000000"),
    ],
)
def test_a_wrong_decoder_is_refused(change: dict[str, Any], message: str, folder: Path) -> None:
    rewrite(folder, lambda config: config["decoder"].update(change))
    with pytest.raises(InputError, match=message):
        fb.from_pretrained(folder)


def test_a_missing_option_is_named(folder: Path) -> None:
    rewrite(folder, lambda config: config.pop("encoder_norm"))
    with pytest.raises(InputError, match=r"config\.json: encoder_norm missing"):
        fb.from_pretrained(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: {**t, "head.pointwise.weight": t["head.pointwise.weight"].int()},
            "of another type .* is int32, exp",
        ),
        (lambda t: {name: tensor for name, tensor in t.items() if name != "head.pointwise.bias"}, "tensors missing"),
        (lambda t: {**t, "more": torch.zeros(1)}, r"1 unexpected \(more\)"),
        (lambda t: {**t, "head.pointwise.bias": torch.zeros(3)}, "is 3, expected 2"),
        (lambda t: {**t, "head.pointwise.bias": torch.zeros(2, dtype=torch.float8_e4m3fn)}, "is of type F8_E4M3; exp"),
    ],
)
def test_other_tensors_are_refused_by_the_header(change: Any, message: str, folder: Path, monkeypatch: Any) -> None:
    weights = folder / "model.safetensors"
    save_file(change(load_file(weights)), weights)
    monkeypatch.setattr("feedbackward.models.hub.read_tensors_of", lambda path: pytest.fail("the tensors were read"))
    with pytest.raises(InputError, match=message):
        fb.from_pretrained(folder)


def test_a_flipped_byte_in_the_header_is_an_error_or_harmless(folder: Path) -> None:
    weights = folder / "model.safetensors"
    content, expected = weights.read_bytes(), fb.from_pretrained(folder).state_dict()
    for at in range(0, 2000, 97):
        weights.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        try:
            found = fb.from_pretrained(folder).state_dict()
        except InputError:
            continue
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_weights_in_half_precision_become_the_network_s(folder: Path) -> None:
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    save_file(half, weights)
    loaded = fb.from_pretrained(folder).state_dict()
    for name, tensor in half.items():
        assert loaded[name].dtype == tensors[name].dtype
        assert torch.equal(loaded[name], tensor.to(tensors[name].dtype))


def test_a_loaded_network_is_trained_as_before(folder: Path) -> None:
    network = fb.from_pretrained(folder).train()
    assert all(weight.requires_grad and not weight.is_meta for weight in network.parameters())
    network(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_tensors_that_are_computed_as_a_network_is_built_are_there_after_loading(tmp_path: Path) -> None:
    """Positions, for example, are in no file."""
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None)
    assert _is_all_state(network)
    network.encoder.register_buffer("positions", torch.arange(3), persistent=False)
    assert not _is_all_state(network)
    network.encoder.positions = None
    network.head.scale = torch.ones(1)
    assert not _is_all_state(network)


def test_a_checkpoint_is_checked_too(saved: Path, tmp_path: Path) -> None:
    network = fb.from_pretrained(saved)
    state = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    path = tmp_path / "a.ckpt"

    def written(description: Any, state: Any) -> Path:
        torch.save({"state_dict": state, "feedbackward": {"network": description}}, path)
        return path

    description = network.describe()
    loaded = load_checkpoint(written(description, state))
    assert all(torch.equal(loaded.state_dict()[name.removeprefix("network.")], state[name]) for name in state)
    wrong = [
        ({**description, "encoder_weights": "/etc/passwd"}, state, "has no encoder_weights"),
        ({**description, "classes": 60_000}, state, "of another shape"),
        (description, {**state, "network.head.pointwise.bias": torch.zeros(2).int()}, "of another type"),
        (description, {**state, "network.head.pointwise.bias": torch.zeros(1).expand(10**12)}, "has 4 bytes"),
        (description, [1], "its state_dict is not a table of tensors"),
        ("text", state, "does not describe a network"),
    ]
    for each, tensors, message in wrong:
        with pytest.raises(InputError, match=message):
            load_checkpoint(written(each, tensors))


def test_no_flipped_byte_changes_a_checkpoint(saved: Path, tmp_path: Path) -> None:
    network = fb.from_pretrained(saved)
    state = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    path = tmp_path / "a.ckpt"
    torch.save({"state_dict": state, "feedbackward": {"network": network.describe()}}, path)
    content = bytearray(path.read_bytes())
    weight = state["network.head.pointwise.bias"].numpy().tobytes()
    content[content.index(weight)] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.ckpt is damaged: Bad CRC-32 .*; copy or download it again"):
        load_checkpoint(path)
