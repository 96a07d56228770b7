"""The classifier of three layers against the same layers written by hand."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from feedbackward.nn import ThinClassifier


def classifier(*channels, norm="batch"):
    torch.manual_seed(0)
    built = ThinClassifier(channels, width=8, classes=5, kernel_size=3, norm=norm).double()
    for module in built.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return built


def parts(*shapes):
    return tuple(torch.randn(2, *shape, dtype=torch.float64) for shape in shapes)


def test_its_layers():
    built = classifier(6)
    (reduce,) = built.reduce
    expected = nn.Sequential(
        reduce, built.reduce_norm, nn.ReLU(), built.depthwise, built.pointwise, built.norm, nn.ReLU(), built.classify
    )
    (signal,) = parts((6, 9, 11))
    assert_close(built(signal), expected(signal))


def test_parts_of_one_resolution_are_read_as_their_concatenation():
    built = classifier(6, 4)
    whole = classifier(10)
    whole.load_state_dict(
        {name: tensor for name, tensor in built.state_dict().items() if not name.startswith("reduce.")}
        | {"reduce.0.weight": torch.cat([each.weight for each in built.reduce], dim=1)}
    )
    signals = parts((6, 9, 11), (4, 9, 11))
    assert_close(built(signals), whole(torch.cat(signals, dim=1)))


def test_coarser_parts_are_upsampled_from_one_resolution_to_the_next():
    built = classifier(6, 4, 3).eval()
    fine, middle, coarse = parts((6, 9, 11), (4, 5, 6), (3, 2, 3))
    total = F.interpolate(built.reduce[2](coarse), (5, 6), mode="bilinear") + built.reduce[1](middle)
    total = F.interpolate(total, (9, 11), mode="bilinear") + built.reduce[0](fine)
    expected = built.classify(F.relu(built.norm(built.pointwise(built.depthwise(F.relu(built.reduce_norm(total)))))))
    assert_close(built((fine, middle, coarse)), expected)


def test_folded_it_has_the_same_logits_and_no_norms():
    built = classifier(6, 4, 3).eval()
    signals = parts((6, 9, 11), (4, 9, 11), (3, 5, 6))
    folded = built.folded()
    assert_close(folded(signals), built(signals))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


def test_group_norms_are_not_folded():
    built = classifier(6, norm="group").eval()
    (signal,) = parts((6, 9, 11))
    assert_close(built.folded()(signal), built(signal))
