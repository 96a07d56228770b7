"""What every feedbackward network holds to, over many encoders."""

import copy
import pickle
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models.metaformer import StarReLU
from torch import nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.decoder_config import DecoderConfig
from feedbackward.models import create_encoder
from feedbackward.models.catalog import SHIPPED, Catalog, EncoderRecord
from feedbackward.transform import trace
from feedbackward.viz.diagram import draw
from feedbackward.viz.explain import explain

RECORDS = [record for record in Catalog.from_json(SHIPPED.read_text()).encoders if record.supported]
SAMPLE = {
    min((record for record in RECORDS if record.family == family), key=lambda record: record.encoder_parameters).name
    for family in {record.family for record in RECORDS}
}
"""The smallest encoder of each family. All others are marked slow: the sweep is `pytest -m "slow or not slow"` here."""


def test_the_sample_has_forty_families() -> None:
    assert len(SAMPLE) >= 40


def marks(record: EncoderRecord) -> list[pytest.MarkDecorator]:
    """A sample is quick enough for every day; giants are run one after the other, as two do not fit into memory."""
    giant = record.encoder_parameters > 1e9
    return [pytest.mark.slow] * (record.name not in SAMPLE) + [pytest.mark.xdist_group("giants")] * giant


@pytest.mark.parametrize("name", [pytest.param(record.name, marks=marks(record)) for record in RECORDS])
def test_an_encoder_run_backward(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    # StarReLU squares, so that with fixed statistics and random weights values grow beyond all bounds (docs/method.md).
    with torch.device("meta"):
        encoder = create_encoder(name, weights=None, in_channels=3)
    squares = any(isinstance(module, StarReLU) for module in encoder.modules())
    norm = "group" if squares else "batch"
    network = fb.create_model(
        name, encoder_weights=None, classes=5, decoder=DecoderConfig(output_stride="image", norm=norm)
    )
    state = network.state_dict()
    assert len({tensor.untyped_storage().data_ptr() for tensor in state.values()}) == len(state)
    assert {key.split(".")[0] for key in state} == {"encoder", "decoder", "head"}

    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # one step leaves the statistics of its batch, so that evaluation has them too
    finite = {}

    def look(name: str, parameter: torch.Tensor) -> None:
        finite[name] = bool(parameter.grad.isfinite().all())
        parameter.grad = None  # the giants' gradients do not fit into the memory of a small machine all at once

    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    for key, parameter in trained.items():
        parameter.register_post_accumulate_grad_hook(partial(look, key))
    logits = network.train()(batch := torch.randn(2, 3, 65, 97))
    assert logits.shape == (2, 5, 65, 97)
    logits.square().mean().backward()
    assert trained.keys() - finite.keys() == set(), "these get no gradient"
    assert [key for key, is_finite in finite.items() if not is_finite] == []
    del logits, state, trained, parameter

    image = batch[:1]
    with torch.no_grad():
        expected = network.eval()(image)
        assert expected.isfinite().all()
        assert_close(copy.deepcopy(network)(image), expected, rtol=0, atol=0)
        network.save_pretrained(tmp_path)
        size = network.sizes.padded((65, 97))
        del network
        assert_close(fb.from_pretrained(tmp_path)(image), expected, rtol=0, atol=0)
    shutil.rmtree(tmp_path)  # a sweep would fill the disk

    encoder = create_encoder(name, weights=None, in_channels=3).eval()
    image = torch.randn(1, 3, *size)
    with torch.no_grad():
        features = encoder.forward_features(image)
        assert_close(trace(encoder)(image), features)  # nothing in place, and yet timm's own computation
    del encoder, features

    with torch.device("meta"):
        encoders = [create_encoder(name, weights=None, in_channels=3).train(mode) for mode in (True, False)]
        training, evaluation = ([node.format_node() for node in trace(encoder).graph.nodes] for encoder in encoders)
        assert training == evaluation
        network = fb.create_model(name, encoder_weights=None, classes=19, decoder=DecoderConfig(output_stride="image"))
        rows = explain(network.encoder, network.decoder_graph(), size=network.sizes.padded((65, 97)), in_channels=3)
    norms = [n for n, _ in network.decoder.named_modules() if "norm" in n.rpartition(".")[2]]
    assert sum(row.weight is not None for row in rows) == len(norms) > 0
    assert ET.fromstring(draw(rows, title=name, classes=5)).tag.endswith("svg")


@pytest.mark.parametrize("size", [(1, 3), (33, 64)])
@pytest.mark.parametrize("name", ["resnet18", "inception_v3", "hrnet_w18_small", "resnetblur50", "selecsls42"])
def test_takes_any_size(name: str, size: tuple[int, int]) -> None:
    network = fb.create_model(name, encoder_weights=None, classes=5).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 3, *size)).shape == (1, 5, *size)


def test_a_copy_has_weights_of_its_own() -> None:
    network = fb.create_model("test_resnet", encoder_weights=None, classes=19).eval()
    image = torch.randn(1, 3, 40, 33)
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
        assert not torch.equal(copied(image), network(image))


def test_a_copy_can_be_made_where_the_weights_are() -> None:
    network = fb.create_model("test_resnet", encoder_weights=None, classes=19).to("meta")
    assert copy.deepcopy(network)(torch.zeros(1, 3, 33, 47, device="meta")).shape == (1, 19, 33, 47)


@pytest.mark.parametrize("name", ["test_resnet", "test_nfnet"])  # the latter's weights are values of the graph
def test_pickles(name: str) -> None:
    network = fb.create_model(name, encoder_weights=None, classes=5).eval()
    image = torch.randn(1, 3, 40, 33)
    with torch.no_grad():
        assert_close(pickle.loads(pickle.dumps(network))(image), network(image), rtol=0, atol=0)


def test_shared_weights_stay_shared_and_their_gradient_is_the_sum_of_both_uses() -> None:
    torch.manual_seed(0)
    network = fb.create_model("resnet10t", encoder_weights=None, classes=3).double()
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    weight = network.encoder.get_submodule("layer2.0.conv1").weight
    network(image).square().sum().backward()
    total = weight.grad.clone()
    # The same pass with the weight's two uses told apart: the way back reads a copy.
    apart = copy.deepcopy(network)
    apart.zero_grad()
    copied = nn.Parameter(weight.detach().clone())
    decoder_graph = apart.decoder_graph()
    (use,) = [n for n in decoder_graph.graph.nodes if n.target == "encoder.layer2.0.conv1.weight"]
    apart.register_parameter("copied", copied)
    use.target = "copied"
    apart._runs = apart._compile(decoder_graph)
    apart(image).square().sum().backward()
    assert_close(apart.encoder.get_submodule("layer2.0.conv1").weight.grad + copied.grad, total)
    assert copied.grad.abs().sum() > 0


def test_the_encoder_keeps_timm_s_keys() -> None:
    theirs = timm.create_model("efficientnet_b0", num_classes=0).state_dict()
    ours = fb.create_model("efficientnet_b0", encoder_weights=None, classes=19).encoder.state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


def test_the_encoder_is_timm_s_own_computation() -> None:
    torch.manual_seed(0)
    theirs = timm.create_model("mobilenetv3_small_050", num_classes=0).eval()
    ours = fb.create_model("mobilenetv3_small_050", encoder_weights=None, classes=19).eval()
    ours.encoder.load_state_dict({key: theirs.state_dict()[key] for key in ours.encoder.state_dict()})
    image = torch.randn(1, 3, 65, 65)
    with torch.no_grad():
        assert_close(ours.encoder(image), theirs.forward_features(image))


def test_drop_path_leaves_training_and_evaluation_one_graph() -> None:
    model = timm.create_model("resnet18", drop_path_rate=0.1)
    graphs = [[n.format_node() for n in trace(model.train(mode)).graph.nodes] for mode in (True, False)]
    assert graphs[0] == graphs[1]


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.GroupNorm])
def test_the_norms_of_the_way_back_are_of_the_kind_that_was_asked_for(norm: type[nn.Module]) -> None:
    kind = "batch" if norm is nn.BatchNorm2d else "group"
    network = fb.create_model(
        "test_resnet", encoder_weights=None, classes=19, decoder=DecoderConfig(output_stride="image", norm=kind)
    )
    layers = [module for module in network.decoder.modules() if not list(module.children())]
    assert {type(layer) for layer in layers} == {norm}
    back = network.decoder_graph()
    convs = [node for node in back.graph.nodes if getattr(node.target, "__name__", "") == "same_conv2d"]
    assert len(layers) == len(convs) > 10


def test_a_way_back_with_group_norms_trains_on_one_image_of_one_pixel() -> None:
    network = fb.create_model(
        "test_resnet", encoder_weights=None, freeze_encoder=True, classes=19, decoder=DecoderConfig(norm="group")
    )
    network(torch.randn(1, 3, 32, 32)).square().mean().backward()
    assert network.decoder.get_submodule("layer4.0.conv1.norm").weight.grad.abs().sum() > 0


def test_a_frozen_encoder_keeps_its_weights_and_its_statistics() -> None:
    torch.manual_seed(0)
    network = fb.create_model("resnet10t", encoder_weights=None, classes=3, freeze_encoder=True).train()
    before = copy.deepcopy(network.encoder.state_dict())
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert sum(p.numel() for p in trained) == sum(
        p.numel() for part in (network.decoder, network.head) for p in part.parameters()
    )
    optimizer = torch.optim.SGD(trained, lr=0.1)
    head = copy.deepcopy(network.head.state_dict())
    for _ in range(2):
        network(torch.randn(2, 3, 33, 47)).square().mean().backward()
        optimizer.step()
    assert not any(torch.equal(value, head[key]) for key, value in network.head.state_dict().items())
    assert not network.encoder.training
    assert network.decoder.training
    for key, value in network.encoder.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert not copy.deepcopy(network).train().encoder.training


@pytest.mark.parametrize("channels", [1, 5])
def test_pretrained_weights_of_the_first_layer_are_carried_over_to_other_channels(
    channels: int, tmp_path: Path
) -> None:
    theirs = timm.create_model("test_resnet")
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    network = fb.create_model(
        "test_resnet", encoder_weights=tmp_path / "weights.safetensors", in_channels=channels, classes=19
    )
    key = "conv1.0.weight" if "conv1.0.weight" in theirs.state_dict() else "conv1.weight"
    colors = theirs.state_dict()[key]
    # A gray image gives what a colored one with the same three channels gives; more channels repeat the three, so
    # scaled that the sum over equal channels stays.
    repeated = colors.sum(1, keepdim=True) if channels == 1 else colors[:, [0, 1, 2, 0, 1]] * 3 / 5
    assert_close(network.encoder.state_dict()[key], repeated)
    assert network.eval()(torch.randn(1, channels, 33, 47)).shape == (1, 19, 33, 47)


@pytest.mark.parametrize(
    ("name", "stride", "fused"),
    # Neither the image nor what ConvNeXt's stem makes has an activation, at which a feature would join the signal.
    [("test_resnet", 2, True), ("vgg11_bn", 1, True), ("vgg11_bn", "image", False), ("convnext_atto", 4, False)],
)
def test_both_side_by_side_hold_their_sum(name: str, stride: int | str, fused: bool) -> None:
    torch.manual_seed(0)
    config = DecoderConfig(output_stride=stride, output_feature="last", head_kernel_size=1)
    added, beside = (
        fb.create_model(name, encoder_weights=None, classes=3, decoder=replace(config, head_input=head_input))
        .double()
        .eval()
        for head_input in ("sum", "both")
    )
    state = added.state_dict()
    weight = state["head.pointwise.weight"]
    state["head.pointwise.weight"] = torch.cat([weight, weight if fused else torch.zeros_like(weight)], dim=1)
    beside.load_state_dict(state)
    image = torch.rand(2, 3, 45, 70, dtype=torch.float64)
    assert_close(beside(image), added(image))
    with torch.no_grad():
        beside.head.pointwise.weight[:, weight.shape[1] :] += 1.0
    assert (beside(image) - added(image)).abs().max() > 1e-3  # the feature is read


def test_the_classifier_has_the_kernel_that_was_asked_for() -> None:
    network = fb.create_model(
        "test_resnet", encoder_weights=None, classes=19, decoder=DecoderConfig(head_kernel_size=5)
    ).eval()
    assert network.head.depthwise.kernel_size == (5, 5)
    assert network(torch.rand(1, 3, 33, 50)).shape == (1, 19, 33, 50)
