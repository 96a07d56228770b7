"""Networks with synchronized norms in one process: those for GPUs too compute the same there, without GPUs."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.errors import InputError
from feedbackward.nn.sync_norm import SyncNorm, SyncNormAct
from feedbackward.training.sync_norms import SyncNorms, check_activations

SYNCHRONIZED = {"nccl": nn.SyncBatchNorm, "gloo": SyncNorm | SyncNormAct}


@pytest.fixture(params=["test_efficientnet", "test_resnet"])
def network(request):
    """A network with statistics of its own; the norms of the first encoder have activations."""
    torch.manual_seed(0)
    network = fb.create_model(request.param, classes=3, encoder_weights=None)
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(2, 3, 64, 64))
    return network.eval()


@pytest.fixture(params=SYNCHRONIZED, autouse=True)
def synchronized(request, monkeypatch):
    """The type of the norms that a conversion gives for processes on GPUs and on CPUs; its weights are on a CPU."""
    monkeypatch.setattr(torch.distributed, "get_backend", lambda: request.param)
    return SYNCHRONIZED[request.param]


IMAGE = torch.randn(1, 3, 96, 64, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def logits(network):
    return network(IMAGE)


def test_conversion_keeps_the_logits_and_the_weights(network, synchronized):
    expected, weights = logits(network), dict(network.named_parameters())
    converted = SyncNorms().apply(network)
    norms = [module for module in converted.modules() if isinstance(module, _BatchNorm)]
    assert norms
    assert all(isinstance(module, synchronized) for module in norms)
    assert_close(logits(converted), expected, rtol=0, atol=0)
    assert all(value is weights[name] for name, value in converted.named_parameters())
    check_activations(converted)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_converted_network_trains_alike(network, checkpointing):
    image = torch.randn(2, 3, 64, 64)
    found = []
    for net in (copy.deepcopy(network), SyncNorms().apply(network)):
        net.train().set_grad_checkpointing(checkpointing)
        net(image).square().mean().backward()
        found.append(({name: value.grad for name, value in net.named_parameters()}, net.state_dict()))
    assert_close(found[1], found[0])


@pytest.mark.parametrize("again", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)), fb.optimize])
def test_a_converted_network_is_traced_again(network, again):
    expected = logits(network)
    assert_close(logits(again(SyncNorms().apply(network)).eval()), expected, rtol=1e-4, atol=1e-5)


def test_the_original_norms_come_back_with_the_statistics_of_the_training(network, synchronized):
    expected, types = logits(network), [type(module) for module in network.modules()]
    sync = SyncNorms()
    converted = sync.apply(nn.Sequential(network))
    for module in converted.modules():
        if isinstance(module, synchronized):
            module.running_mean = module.running_mean + 1
    trained = logits(converted[0])
    assert not torch.allclose(trained, expected)
    reverted = sync.revert(converted)[0]
    assert [type(module) for module in reverted.modules()] == types
    assert_close(logits(reverted), trained, rtol=0, atol=0)
    assert not reverted.training


def test_torch_s_conversion_is_refused_where_it_removes_activations():
    plain = nn.SyncBatchNorm.convert_sync_batchnorm(fb.create_model("test_resnet", classes=3, encoder_weights=None))
    check_activations(plain)
    activating = fb.create_model("test_efficientnet", classes=3, encoder_weights=None)
    with pytest.raises(InputError, match=r"activations of \d+ norms of timm \(encoder\.bn1, .*plugins=.*SyncNorms"):
        check_activations(nn.SyncBatchNorm.convert_sync_batchnorm(activating))
