import pytest
import torch

import feedbackward as fb
from feedbackward.training.parameter_groups import LearningRates, apply_factors, parameter_groups


def test_each_part_has_its_rate_and_norms_are_spared():
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None, decoder=fb.DecoderConfig(rank=2))
    groups = parameter_groups(network, LearningRates(encoder=0.1, head=2), decay_norms=False)
    optimizer = apply_factors(torch.optim.AdamW(groups, lr=0.5, weight_decay=0.3))
    found = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
    assert len(found) == len([*network.parameters()])
    rates = {"encoder": 0.05, "decoder": 0.5, "head": 1.0}
    for name, parameter in network.named_parameters():
        group = found[id(parameter)]
        assert group["lr"] == pytest.approx(rates[name.split(".")[0]]), name
        assert group["weight_decay"] == (0.3 if parameter.ndim > 1 else 0.0), name


def test_without_options_there_is_one_group():
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None, freeze_encoder=True)
    (group,) = parameter_groups(network, LearningRates(), decay_norms=True)
    assert {id(parameter) for parameter in group["params"]} == {
        id(parameter) for parameter in network.parameters() if parameter.requires_grad
    }


def test_a_rate_without_effect_is_refused():
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None, freeze_encoder=True)
    with pytest.raises(fb.InputError, match=r"rates\.encoder is 0\.1, but no parameter of the encoder is trained; the"):
        parameter_groups(network, LearningRates(encoder=0.1), decay_norms=True)
    for rate in (-1, float("nan"), float("inf")):
        with pytest.raises(fb.InputError, match=rf"rates\.head is {rate}; expected a finite factor of at least 0"):
            LearningRates(head=rate)


def test_rates_with_which_nothing_is_trained_are_refused():
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None)
    parameter_groups(network, LearningRates(encoder=0, decoder=0), decay_norms=True)
    with pytest.raises(fb.InputError, match=r"rates are decoder 0, encoder 0, head 0: nothing is"):
        parameter_groups(network, LearningRates(encoder=0, decoder=0, head=0), decay_norms=True)
