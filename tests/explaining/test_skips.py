"""The effect of skip connections, against graphs from which each one is taken out."""

import pytest
import torch
from torch import Tensor, fx, nn

from feedbackward.classes import ClassTable
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.explaining import skip_effects
from feedbackward.models import Feedbackward, create_model
from feedbackward.nn import fuse, keep_both, resize_logits
from feedbackward.transform.step import path_of


def without(network: Feedbackward, number: int, image: Tensor) -> tuple[str, Tensor]:
    """The path of a skip connection and the logits of a graph without it, compiled and run as a whole."""
    graph = network.decoder_graph().graph
    node = [node for node in graph.nodes if node.target in (fuse, keep_both)][number]
    signal, feature = node.args
    with graph.inserting_before(node):
        zero = graph.call_function(torch.zeros_like, (feature,))
    node.args = (signal, zero)
    logits = network.head(fx.GraphModule(network, graph)(image))
    return path_of(feature), resize_logits(logits, (image.shape[-2], image.shape[-1]))


@pytest.mark.parametrize("head_input", ["both", "sum"])
def test_each_one_left_out(head_input: str, image: Tensor) -> None:
    torch.manual_seed(0)
    config = DecoderConfig(head_input=head_input)  # type: ignore[arg-type]
    network = create_model("test_resnet", encoder_weights=None, classes=3, decoder=config).eval()
    found = {effect.path: effect for effect in skip_effects(network, image)}
    with torch.no_grad():
        whole = network(image).softmax(1)[0]
        for number in range(len(found)):
            path, logits = without(network, number, image)
            changed = logits.softmax(1)[0]
            effect = found.pop(path)
            torch.testing.assert_close(effect.change, (whole - changed).clamp(min=0).sum(0))
            assert torch.equal(effect.moved, whole.argmax(0) != changed.argmax(0))
            assert effect.moved_share == pytest.approx(effect.moved.sum().item() / effect.moved.numel())
    assert not found


def test_they_are_sorted_by_effect_and_have_a_stride(network: Feedbackward, image: Tensor) -> None:
    found = skip_effects(network, image)
    means = [effect.mean_change for effect in found]
    assert means == sorted(means, reverse=True)
    assert means[0] > 0
    assert {effect.stride for effect in found} == {4, 8, 16, 32}


def test_a_skip_connection_of_zeros_has_no_effect(image: Tensor) -> None:
    convnet = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU())
    network = Feedbackward(convnet, classes=2, decoder=DecoderConfig(output_stride=2))
    network.class_table = ClassTable(("a", "b"), ((0, 0, 0), (9, 9, 9)))
    nn.init.zeros_(convnet[2].weight)
    nn.init.constant_(convnet[2].bias, -1.0)  # its ReLU gives zeros
    by_path = {effect.path: effect.mean_change for effect in skip_effects(network, image)}
    assert by_path["3"] == 0
    assert by_path["1"] > 0


def test_of_one_of_classes_that_overlap(overlapping: Feedbackward, image: Tensor) -> None:
    first, second = (skip_effects(overlapping, image, task=name)[0] for name in ("wet", "cracked"))
    assert not torch.equal(first.change, second.change)
    with pytest.raises(InputError, match=r"no task 'wett'; did you mean wet\?"):
        skip_effects(overlapping, image, task="wett")
