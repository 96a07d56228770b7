"""retrace="stages": one skip connection at each stride, convolutions before they are upsampled."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from feedbackward.decoder_config import PAPER, DecoderConfig
from feedbackward.models import Feedbackward, create_encoder
from feedbackward.nn import fuse
from feedbackward.transform import DecoderGraph, UnsupportedOperationsError, trace, transpose, without_widening
from feedbackward.transform.step import path_of

SKIPS = {
    # The sum at the end of a stage's last block; a block without a sum ends at its norm.
    "mobilenetv2_050": [
        ("blocks.5.2", 80, 32),
        ("blocks.4.2", 48, 16),
        ("blocks.2.2", 16, 8),
        ("blocks.1.1", 16, 4),
        ("blocks.0.0.bn2", 8, 2),
    ],
    # Nothing is narrower than a block's output: the first that is reached after a layer.
    "resnet18": [
        ("layer3.1.act2", 256, 16),
        ("layer2.1.act2", 128, 8),
        ("layer1.1.act2", 64, 4),
        ("act1", 64, 2),
    ],
    # What the widening convolutions read are the outputs of the pools; no layer reads one at the image's size.
    "vgg11": [("features.10", 256, 8), ("features.5", 128, 4), ("features.2", 64, 2), ("features.1", 64, 1)],
}
"""By encoder: the path of the feature that joins the signal, its channels and its stride."""


def decode(name: str, **options: object) -> DecoderGraph:
    with torch.device("meta"):
        encoder = trace(create_encoder(name, weights=None, in_channels=3))
    if options["retrace"] == "stages":
        encoder = without_widening(encoder)
    return transpose(encoder, replace(PAPER, **options))


@pytest.mark.parametrize("name", SKIPS)
def test_one_skip_connection_at_each_stride(name: str) -> None:
    decoded = decode(name, retrace="stages")
    features = [node.args[1] for node in decoded.graph.find_nodes(op="call_function", target=fuse)]
    shapes = decoded.shapes
    found = [(path_of(feature), shapes.reference[feature][1], shapes.stride(feature)) for feature in features]
    assert sorted(found) == sorted(SKIPS[name])


@pytest.mark.parametrize("name", ["mobilenetv2_050", "resnet18", "vgg11", "efficientnet_cc_b0_4e", "convnext_atto"])
def test_its_layers_are_the_transitions(name: str) -> None:
    norms = [set(dict(decode(name, retrace=retrace).decoder.named_modules())) for retrace in ("stages", "transitions")]
    assert norms[0] == norms[1] - {"conv_head", "conv_head.norm"}


def random_encoder(name: str) -> nn.Module:
    torch.manual_seed(0)
    return create_encoder(name, weights=None, in_channels=3).eval()


def test_a_last_layer_that_only_widens_is_left_out() -> None:
    image = torch.rand(2, 3, 64, 96)
    v2, v3 = random_encoder("mobilenetv2_050"), random_encoder("mobilenetv3_small_050")
    with torch.no_grad():
        expected = v2.blocks(v2.bn1(v2.conv_stem(image)))
        assert_close(without_widening(trace(v2))(image), expected)
        # In MobileNetV3 the whole last block is the layer that widens.
        expected = v3.blocks[:-1](v3.bn1(v3.conv_stem(image)))
        assert_close(without_widening(trace(v3))(image), expected)
    network = Feedbackward(v2, classes=2, decoder=DecoderConfig(retrace="stages"))
    assert not [name for name in network.state_dict() if "conv_head" in name]
    assert [name for name in Feedbackward(v2, classes=2).state_dict() if "conv_head" in name]


@pytest.mark.parametrize("name", ["resnet18", "resnet26", "vgg11", "convnext_atto", "densenet121", "legacy_xception"])
def test_other_last_layers_are_kept(name: str) -> None:
    encoder = trace(random_encoder(name))
    assert without_widening(encoder) is encoder


def test_several_features_are_refused_as_with_other_decoders() -> None:
    class Several(Inverted):
        def forward_features(self, x: Tensor) -> list[Tensor]:
            return [self.stem(x), self.forward(x)]

    with pytest.raises(UnsupportedOperationsError, match="this encoder's features are several tensors"):
        Feedbackward(Several(), classes=2, decoder=DecoderConfig(retrace="stages"))


def test_the_only_layer_is_kept() -> None:
    encoder = trace(nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 8, 1), nn.ReLU()))
    assert without_widening(encoder) is encoder


class Inverted(nn.Module):
    """A stem and an inverted residual block of stride 2."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.expand = nn.Conv2d(8, 24, 1)
        self.depthwise = nn.Conv2d(24, 24, 3, stride=2, padding=1, groups=24)
        self.project = nn.Conv2d(24, 12, 1)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.project(self.act(self.depthwise(self.act(self.expand(self.act(self.stem(x)))))))


def network(**options: object) -> Feedbackward:
    torch.manual_seed(0)
    decoder = DecoderConfig(retrace="stages", output_stride=2, head_kernel_size=1, **options)
    built = Feedbackward(Inverted(), classes=5, decoder=decoder)
    for norm in built.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.5, 0.5)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
            nn.init.uniform_(norm.weight, 0.5, 2.0)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
    return built


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_the_logits_are_those_of_a_decoder_written_by_hand(size: tuple[int, int]) -> None:
    built = network().eval()
    encoder, norms, act = built.encoder, built.decoder, nn.SiLU()
    image = torch.randn(2, 3, *size)
    with torch.no_grad():
        found = built(image)
        stem = act(encoder.stem(image))
        feature = encoder(image)
        signal = F.interpolate(F.max_pool2d(feature, 2, ceil_mode=True), size=feature.shape[2:])
        signal = act(norms.project.norm(F.conv2d(signal, encoder.project.weight.transpose(0, 1))))
        # The encoder's own stride has no narrow value after a layer: the first one joins the signal.
        signal = signal + act(encoder.depthwise(act(encoder.expand(stem))))
        # The depthwise convolution at the resolution of its output, not of its input.
        signal = norms.depthwise.norm(F.conv2d(signal, encoder.depthwise.weight, padding=1, groups=24))
        signal = act(F.interpolate(signal, size=stem.shape[2:]))
        signal = act(norms.expand.norm(F.conv2d(signal, encoder.expand.weight.transpose(0, 1))))
        logits = built.head(torch.cat((signal, stem), 1))
        expected = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
    assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_classifier_of_all_strides_reads_what_the_norms_return() -> None:
    decoded = decode(
        "mobilenetv2_050",
        retrace="stages",
        output_stride=4,
        output_feature="first",
        head_channels=16,
        head_strides="all",
    )
    _, *coarser = decoded.graph.output_node().args[0].args
    assert [str(node.target) for node in coarser] == [
        f"decoder.blocks.{block}.norm" for block in ("3.0.conv_pw", "5.0.conv_pw", "6.0.conv_pw")
    ]
    assert decoded.channels == (16, 16, 48, 80)
