"""Features and signals: those of the encoder alone, and those from which the classifier makes the logits."""

import torch
from torch import Tensor

from feedbackward.decoder_config import PAPER, DecoderConfig
from feedbackward.explaining import signals
from feedbackward.models import Feedbackward, create_model
from feedbackward.nn import resize_logits


def test_the_strides_from_coarse_to_fine(network: Feedbackward, image: Tensor) -> None:
    found = signals(network, image)
    assert [depth.stride for depth in found] == [32, 16, 8, 4]
    for depth in found:
        assert depth.feature.shape == depth.signal.shape
        assert depth.feature.shape[1:] == tuple(-(-side // depth.stride) for side in (65, 97))


def test_the_deepest_feature_is_the_encoder_s(network: Feedbackward, image: Tensor) -> None:
    deepest = signals(network, image)[0]
    with torch.no_grad():
        torch.testing.assert_close(deepest.feature, network.encoder(image)[0])
    pooled = torch.nn.functional.max_pool2d(deepest.feature, 2, ceil_mode=True)
    by_hand = pooled.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, :3, :4]
    torch.testing.assert_close(deepest.signal, by_hand)


def test_the_last_pair_is_what_the_classifier_reads(network: Feedbackward, image: Tensor) -> None:
    last = signals(network, image)[-1]
    with torch.no_grad():
        logits = network.head((last.signal[None], last.feature[None]))
        torch.testing.assert_close(resize_logits(logits, (65, 97)), network(image))


def test_of_their_sum_as_in_the_paper(image: Tensor) -> None:
    summed = create_model("test_resnet", encoder_weights=None, classes=2, decoder=DecoderConfig(head_input="sum"))
    last = signals(summed, image)[-1]
    with torch.no_grad():
        logits = summed.head((last.signal + last.feature)[None])
        torch.testing.assert_close(resize_logits(logits, (65, 97)), summed.eval()(image))


def test_a_decoder_that_ends_at_the_image(image: Tensor) -> None:
    paper = create_model("test_resnet", encoder_weights=None, classes=2, decoder=PAPER)
    last = signals(paper, image)[-1]
    assert (last.stride, last.path) == (1, "image")
    torch.testing.assert_close(last.feature, image[0])
