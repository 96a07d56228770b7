"""The kind of an architecture, and its counts."""

import pickle

import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

import feedbackward as fb
from feedbackward.decoder_config import DecoderConfig
from feedbackward.models.costs import flops, flops_by_part, parameters
from feedbackward.models.survey import survey


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("test_resnet", "convolutional"),
        ("convnext_atto", "convolutional"),
        ("gcresnext26ts", "convolutional"),  # a softmax pools, and no pixel attends to another
        ("efficientnet_cc_b0_4e", "convolutional"),  # matrices mix weights, not pixels
        ("skresnet18", "convolutional"),
        ("edgenext_xx_small", "hybrid"),
        ("mobilevit_xxs", "hybrid"),  # attention inside a module that is a leaf in timm
        ("lambda_resnet26t", "hybrid"),
        ("test_vit", "attention"),
        ("swin_tiny_patch4_window7_224", "attention"),
        ("mixer_s32_224", "other"),
    ],
)
def test_the_kind_of_an_architecture(name: str, kind: str) -> None:
    assert survey(name).kind == kind


def test_the_record_of_a_network_matches_a_real_one() -> None:
    record = survey("test_resnet")
    network = fb.create_model(
        "test_resnet", encoder_weights=None, classes=19, decoder=DecoderConfig(output_stride=4)
    ).eval()
    assert record.supported
    assert record.encoder_parameters == sum(p.numel() for p in network.encoder.parameters())
    assert record.decoder_parameters == sum(p.numel() for p in network.decoder.parameters())
    assert record.head_parameters == 9 * 64 + 19 * 64 + 19
    assert (record.output_strides, record.output_stride) == ((1, 2, 4, 8, 16, 32), 4)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 512, 512))
    assert record.gflops == round(counter.get_total_flops() / 1e9, 2)


def test_without_stride_4_the_cost_is_that_of_the_nearest_stride() -> None:
    record = survey("convmixer_768_32")
    assert (record.output_strides, record.output_stride) == ((1, 8), 8)


def test_a_refused_architecture_names_its_operations_and_counts_its_encoder() -> None:
    record = survey("lambda_resnet26t")
    assert not record.supported
    assert "torch.nn.modules.conv.Conv3d" in record.refused
    assert record.gflops is None
    assert record.output_strides == ()
    encoder = timm.create_model("lambda_resnet26t", num_classes=0)
    assert record.encoder_parameters == sum(p.numel() for p in encoder.parameters())


@pytest.fixture(scope="module")
def frozen() -> fb.Feedbackward:
    """A network on the meta device with a frozen encoder."""
    return (
        fb.create_model("test_resnet", encoder_weights=None, decoder=DecoderConfig(), freeze_encoder=True, classes=19)
        .to("meta")
        .eval()
    )


def test_the_flops_of_the_parts_add_up(frozen: fb.Feedbackward) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        frozen(torch.zeros(1, 3, 64, 96, device="meta"))
    assert sum(flops_by_part(frozen, (64, 96)).values()) == counter.get_total_flops()


def test_weights_that_are_computed_once_do_not_count_for_an_image() -> None:
    with torch.device("meta"):
        plain, updated = (
            fb.create_model("test_resnet", encoder_weights=None, decoder=DecoderConfig(rank=rank), classes=19).eval()
            for rank in (0, 16)
        )
    assert flops(updated, (64, 96)) == flops(plain, (64, 96))


def test_the_head_s_flops_are_those_of_its_two_convolutions(frozen: fb.Feedbackward) -> None:
    assert flops_by_part(frozen, (64, 96))["head"] == 2 * (9 + 19) * 64 * 16 * 24


def test_counting_flops_leaves_no_hook_in_the_network(frozen: fb.Feedbackward) -> None:
    flops_by_part(frozen, (64, 96))
    pickle.dumps(frozen.head)  # a hook that is left is a closure, which cannot be pickled


def test_the_parameters_of_the_parts_add_up(frozen: fb.Feedbackward) -> None:
    assert sum(parameters(frozen).values()) == sum(p.numel() for p in frozen.parameters())


def test_a_frozen_encoder_has_no_trainable_parameters(frozen: fb.Feedbackward) -> None:
    assert parameters(frozen, trainable=True)["encoder"] == 0
