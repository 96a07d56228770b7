"""The decoder's own part: which layers have a low-rank update, and which signals the classifier reads."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.decoder_config import DecoderConfig
from feedbackward.nn import LowRank

THIN = DecoderConfig(retrace="all", head_channels=8)
EVERY_STRIDE = replace(THIN, head_strides="all")
WIDTHS = {
    # By encoder: the channels of signal and feature at stride 4, then of the signals at strides 8, 16 and 32: the
    # outputs of the stages, written by hand from the architectures.
    "tf_efficientnet_lite0": (144, 144, 40, 112, 320),
    "mobilenetv2_100": (144, 144, 32, 96, 320),
    "resnet18": (64, 64, 128, 256, 512),
    "vgg11": (256, 256, 256, 512),
    "convnext_atto": (40, 40, 80, 160, 320),
}


@cache
def network(name: str, decoder: DecoderConfig) -> fb.Feedbackward:
    torch.manual_seed(0)
    return fb.create_model(name, classes=3, encoder_weights=None, decoder=decoder).eval()


def updates(decoder: DecoderConfig, name: str = "mobilenetv2_100") -> dict[str, LowRank]:
    modules = network(name, decoder).decoder.named_modules()
    return {path.removesuffix(".low_rank"): module for path, module in modules if isinstance(module, LowRank)}


def test_rank_0_is_the_paper():
    assert not updates(DecoderConfig())


def test_all_but_depthwise_layers_of_at_most_so_many_channels_have_an_update():
    found = updates(DecoderConfig(rank=4, rank_channels=96))
    layers = dict(network("mobilenetv2_100", DecoderConfig()).encoder.named_modules())
    norms = network("mobilenetv2_100", DecoderConfig()).decoder.named_modules()
    decoded = [path.removesuffix(".norm") for path, module in norms if isinstance(module, torch.nn.BatchNorm2d)]
    expected = {path for path in decoded if layers[path].groups == 1 and layers[path].in_channels <= 96}
    assert found.keys() == expected
    assert len(expected) == 10
    assert all(module.down.weight.shape[0] == 4 for module in found.values())


def test_the_update_comes_between_the_shared_convolution_and_its_norm():
    built = network("test_resnet", DecoderConfig(rank=4)).train()  # in evaluation it changes the weight
    seen = {}
    for path, module in built.decoder.named_modules():
        module.register_forward_hook(lambda _, inputs, output, path=path: seen.update({path: (inputs[0], output)}))
    built(torch.rand(2, 3, 64, 96))
    paths = [path for path in seen if path.endswith(".low_rank")]
    assert paths
    for path in paths:
        assert seen[path][1] is seen[f"{path.removesuffix('low_rank')}norm"][0]


@pytest.mark.parametrize("name", WIDTHS)
def test_the_classifier_reads_the_outputs_of_the_coarser_stages(name):
    assert network(name, EVERY_STRIDE).decoder_graph().channels == WIDTHS[name]


def test_coarser_signals_are_those_of_the_norms_before_their_skip_connection():
    built = network("mobilenetv2_100", EVERY_STRIDE)
    normed, read = {}, []
    for path, module in built.decoder.named_modules():
        module.register_forward_hook(lambda _, __, output, path=path: normed.update({path: output.clone()}))
    built.head.register_forward_pre_hook(lambda _, inputs: read.extend(inputs[0]))
    with torch.no_grad():
        built(torch.rand(1, 3, 64, 96))
    _, _, *coarser = read
    first_of_next_stage = ("blocks.3.0.conv_pw.norm", "blocks.5.0.conv_pw.norm", "conv_head.norm")
    assert_close(coarser, [normed[path] for path in first_of_next_stage], rtol=0, atol=0)
    assert [tuple(signal.shape[2:]) for signal in coarser] == [(8, 12), (4, 6), (2, 3)]


def test_a_sum_is_one_part():
    assert network("mobilenetv2_100", replace(EVERY_STRIDE, head_input="sum")).decoder_graph().channels == (
        144, 32, 96, 320,
    )  # fmt: skip
