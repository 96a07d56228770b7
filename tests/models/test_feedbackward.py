"""Feedbackward networks on hand-written and torchvision modules, and the modules that are refused."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.decoder_config import PAPER, DecoderConfig
from feedbackward.transform import UnsupportedOperationsError


class Convnet(nn.Module):
    """A typical hand-written classifier for images of 64x64: its head accepts no other size."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.block = nn.Conv2d(6, 6, 3, padding=1)
        self.down = nn.Conv2d(6, 10, 3, stride=2, padding=1)
        self.fc = nn.Linear(10 * 16 * 16, 4)

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(image)))
        x = x + F.relu(self.block(x), inplace=True)
        x = torch.relu(self.down(x))
        return self.fc(x.flatten(1))


def test_a_custom_module_against_the_decoder_written_by_hand() -> None:
    torch.manual_seed(0)
    convnet = Convnet().double().eval()
    network = fb.Feedbackward(convnet, classes=2, decoder=PAPER).double().eval()
    image = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    decoder, head = network.decoder, network.head

    stem = F.relu(convnet.norm(convnet.stem(image)))
    block = F.relu(convnet.block(stem))
    features = torch.relu(convnet.down(stem + block))
    signal = F.interpolate(F.max_pool2d(features, 2), size=(16, 16))  # the U-turn
    signal = F.relu(signal) + features
    signal = decoder.down.norm(
        F.conv2d(F.interpolate(signal, size=(32, 32)), convnet.down.weight.transpose(0, 1), padding=1)
    )
    through_block = decoder.block.norm(F.conv2d(F.relu(signal) + block, convnet.block.weight, padding=1))
    signal = F.relu(signal + through_block) + stem
    signal = decoder.stem.norm(
        F.conv2d(F.interpolate(signal, size=(64, 64)), convnet.stem.weight.transpose(0, 1), padding=1)
    )
    assert_close(network(image), head(F.relu(signal)))


def test_its_weights_are_shared_with_the_network() -> None:
    convnet = Convnet()
    network = fb.Feedbackward(convnet, classes=2)
    assert network.encoder.get_submodule("stem").weight is convnet.stem.weight


def test_its_head_is_cut_off() -> None:
    assert not any(name.startswith("fc") for name in fb.Feedbackward(Convnet(), classes=2).encoder.state_dict())


@pytest.mark.parametrize("size", [(64, 64), (65, 97)])
def test_it_accepts_images_of_any_size(size: tuple[int, int]) -> None:
    network = fb.Feedbackward(Convnet(), classes=2).eval()
    assert network(torch.rand(1, 3, *size)).shape == (1, 2, *size)


@pytest.mark.parametrize(
    ("build", "strides"),
    [
        (torchvision.models.resnet18, (1, 2, 4, 8, 16, 32)),
        (torchvision.models.mobilenet_v3_small, (1, 2, 4, 8, 16, 32)),
        (torchvision.models.efficientnet_b0, (1, 2, 4, 8, 16, 32)),
    ],
)
def test_networks_of_torchvision_train(build: Callable[..., nn.Module], strides: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = fb.Feedbackward(build(weights=None), classes=3)
    assert network.decoder_graph().strides == strides
    network(torch.rand(2, 3, 64, 96)).square().mean().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_torchvision_s_resnet_equals_timm_s() -> None:
    """The same weights in both give the same logits."""
    torch.manual_seed(0)
    theirs, timms = (
        torchvision.models.resnet18(weights=None),
        fb.create_model("resnet18", classes=3, encoder_weights=None),
    )
    network = fb.Feedbackward(theirs, classes=3)
    missing = timms.load_state_dict(network.state_dict(), strict=True)
    assert not missing.missing_keys
    image = torch.rand(1, 3, 64, 96)
    assert_close(network.eval()(image), timms.eval()(image))


def test_preprocessing_is_the_identity_without_statistics() -> None:
    assert fb.Feedbackward(Convnet(), classes=2).preprocessing == fb.Preprocessing.identity(3)


class TwoInputs(Convnet):
    def forward(self, image: Tensor, other: Tensor) -> Tensor:
        return super().forward(image + other)


class WithoutConvolution(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))


class OneSize(Convnet):
    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(1, 3, 224, 224))

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image + self.position)


class Branching(Convnet):
    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image if image.mean() > 0 else -image)


class Counting(Convnet):
    calls = 0

    def forward(self, image: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(image)


class Mode(Convnet):
    def forward(self, image: Tensor) -> Tensor:
        return super().forward(F.dropout(image, training=self.training))


class Buffered(Convnet):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(3, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image * self.seen.add_(1))


def hooked() -> nn.Module:
    convnet = Convnet()
    convnet.block.register_forward_hook(lambda module, args, output: 2 * output)
    return convnet


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (TwoInputs, r"TwoInputs\.forward has 2 inputs \(image, other\)"),
        (WithoutConvolution, r"WithoutConvolution contains no convolution"),
        (OneSize, r"OneSize does not run up to its last convolution on images of every size.*: .*224"),
        (Branching, r"cannot be traced: .*test_feedbackward\.py:\d+: TraceError"),
        (Counting, r"test_feedbackward\.py:\d+: Counting sets its attribute 'calls'"),
        (Mode, r"test_feedbackward\.py:\d+: this operation depends on the training mode"),
        (Buffered, r"writes into its tensor seen"),
        (hooked, r"block has the forward hook .*test_feedbackward\.py:\d+"),
    ],
)
def test_a_module_that_cannot_be_decoded_is_refused(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(UnsupportedOperationsError, match=message):
        fb.Feedbackward(build(), classes=2)


def test_a_refused_module_is_not_modified() -> None:
    module = Mode()
    attributes = set(vars(module))
    with pytest.raises(UnsupportedOperationsError):
        fb.Feedbackward(module, classes=2)
    assert module.training
    assert set(vars(module)) == attributes
    module.fc = nn.Linear(2, 2)  # module attributes can be assigned again


def test_a_name_instead_of_a_module_is_refused() -> None:
    with pytest.raises(fb.InputError, match=r"expected a module; create_model\('resnet18', ...\)"):
        fb.Feedbackward("resnet18", classes=2)


def test_the_default_decoder_ends_at_stride_4() -> None:
    assert fb.Feedbackward(Convnet(), classes=2).decoder_graph().stride in (2, 4)


def test_group_norms_if_requested() -> None:
    network = fb.Feedbackward(Convnet(), classes=2, decoder=DecoderConfig(norm="group"))
    assert {type(layer) for layer in network.decoder.modules() if not list(layer.children())} == {nn.GroupNorm}
