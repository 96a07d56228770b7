"""What every feedbackward network holds to, over many encoders."""

import copy
import pickle
from pathlib import Path

import pytest
import timm
import torch
from torch import nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.graph import trace

ENCODERS = [
    "vgg11", "vgg11_bn", "resnet10t", "resnet18", "resnet26d", "resnext50_32x4d", "seresnet18", "densenet121",
    "legacy_xception", "mobilenetv2_050", "mobilenetv3_small_050", "efficientnet_b0", "tf_efficientnet_lite0",
    "regnetx_002", "regnety_002", "test_resnet",
]  # fmt: skip


@pytest.fixture(scope="module", params=ENCODERS)
def network(request: pytest.FixtureRequest) -> fb.Feedbackward:
    torch.manual_seed(0)
    return fb.Feedbackward(request.param, encoder_weights=None, classes=5)


def test_a_step_at_an_odd_size_reaches_every_parameter(network: fb.Feedbackward) -> None:
    logits = network.train()(torch.randn(2, 3, 65, 71))
    assert logits.shape == (2, 5, 65, 71)
    logits.square().mean().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []
    network.zero_grad()


@pytest.mark.parametrize("size", [(1, 3), (33, 64)])
def test_takes_any_size(network: fb.Feedbackward, size: tuple[int, int]) -> None:
    with torch.no_grad():
        assert network.eval()(torch.randn(1, 3, *size)).shape == (1, 5, *size)


def test_no_tensor_stands_twice_in_the_state_dict(network: fb.Feedbackward) -> None:
    storages = [t.untyped_storage().data_ptr() for t in network.state_dict().values()]
    assert len(storages) == len(set(storages))
    assert set(network.state_dict()) == {
        f"{part}.{key}" for part in ("encoder", "decoder", "head") for key in network.get_submodule(part).state_dict()
    }


def test_copies_saves_and_loads(network: fb.Feedbackward, tmp_path: Path) -> None:
    image = torch.randn(1, 3, 40, 33)
    network.eval().save_pretrained(tmp_path)
    with torch.no_grad():
        expected = network(image)
        copied = copy.deepcopy(network)
        for parameter in copied.parameters():
            parameter.zero_()
        assert not torch.equal(copied(image), expected)
        for other in (network, copy.deepcopy(network), fb.from_pretrained(tmp_path)):
            assert_close(other(image), expected, rtol=0, atol=0)


def test_a_copy_can_be_made_where_the_weights_are() -> None:
    network = fb.Feedbackward("test_resnet", encoder_weights=None).to("meta")
    assert copy.deepcopy(network)(torch.zeros(1, 3, 33, 47, device="meta")).shape == (1, 19, 33, 47)


def test_pickles() -> None:
    network = fb.Feedbackward("test_resnet", encoder_weights=None, classes=5).eval()
    image = torch.randn(1, 3, 40, 33)
    with torch.no_grad():
        assert_close(pickle.loads(pickle.dumps(network))(image), network(image), rtol=0, atol=0)


def test_shared_weights_stay_shared_and_their_gradient_is_the_sum_of_both_uses() -> None:
    torch.manual_seed(0)
    network = fb.Feedbackward("resnet10t", encoder_weights=None, classes=3).double()
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    weight = network.encoder.get_submodule("layer2.0.conv1").weight
    network(image).square().sum().backward()
    total = weight.grad.clone()
    # The same pass with the weight's two uses told apart: the way back reads a copy.
    apart = copy.deepcopy(network)
    apart.zero_grad()
    copied = nn.Parameter(weight.detach().clone())
    way_back = apart.way_back()
    (use,) = [n for n in way_back.graph.nodes if n.target == "encoder.layer2.0.conv1.weight"]
    apart.register_parameter("copied", copied)
    use.target = "copied"
    run = apart._compile(way_back)
    apart._run = run
    apart(image).square().sum().backward()
    assert_close(apart.encoder.get_submodule("layer2.0.conv1").weight.grad + copied.grad, total)
    assert copied.grad.abs().sum() > 0


def test_the_encoder_keeps_timm_s_keys() -> None:
    theirs = timm.create_model("efficientnet_b0", num_classes=0).state_dict()
    ours = fb.Feedbackward("efficientnet_b0", encoder_weights=None).encoder.state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


def test_the_encoder_is_timm_s_own_computation() -> None:
    torch.manual_seed(0)
    theirs = timm.create_model("mobilenetv3_small_050", num_classes=0).eval()
    ours = fb.Feedbackward("mobilenetv3_small_050", encoder_weights=None).eval()
    ours.encoder.load_state_dict({key: theirs.state_dict()[key] for key in ours.encoder.state_dict()})
    image = torch.randn(1, 3, 65, 65)
    with torch.no_grad():
        assert_close(ours.encoder(image), theirs.forward_features(image))


@pytest.mark.parametrize("encoder", ["vgg11", "resnet18", "mobilenetv2_050", "efficientnet_b0", "regnety_002"])
def test_training_and_evaluation_have_one_graph(encoder: str) -> None:
    model = timm.create_model(encoder, drop_path_rate=0.1) if encoder != "vgg11" else timm.create_model(encoder)
    graphs = [[(n.op, str(n.target)) for n in trace(model.train(mode)).graph.nodes] for mode in (True, False)]
    assert graphs[0] == graphs[1]
