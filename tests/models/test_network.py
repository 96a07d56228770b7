"""One feedbackward network: its sizes, copies, shared weights, norms, classifier and frozen encoder."""

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, fx, nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.decoder_config import DecoderConfig
from feedbackward.nn import resize_logits
from feedbackward.transform import trace


def create(name: str = "test_resnet", *, classes: int = 5, **options: object) -> fb.Feedbackward:
    torch.manual_seed(0)
    return fb.create_model(name, encoder_weights=None, classes=classes, **options)


@pytest.fixture(scope="module", params=["resnet18", "inception_v3", "hrnet_w18_small", "resnetblur50", "selecsls42"])
def evaluated(request: pytest.FixtureRequest) -> fb.Feedbackward:
    return create(request.param).eval()


@pytest.mark.parametrize("size", [(1, 3), (33, 64)])
def test_accepts_any_size(evaluated: fb.Feedbackward, size: tuple[int, int]) -> None:
    with torch.no_grad():
        assert evaluated(torch.randn(1, 3, *size)).shape == (1, 5, *size)


def test_a_copy_has_its_own_weights() -> None:
    network = create().eval()
    image = torch.randn(1, 3, 40, 33)
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
        assert not torch.equal(copied(image), network(image))


def test_a_copy_stays_on_the_device() -> None:
    network = create().to("meta")
    assert copy.deepcopy(network)(torch.zeros(1, 3, 33, 47, device="meta")).shape == (1, 5, 33, 47)


@pytest.mark.parametrize("name", ["test_resnet", "test_nfnet"])  # NFNets compute their weights in the graph
def test_a_pickled_network_gives_the_same_logits(name: str) -> None:
    network = create(name).eval()
    image = torch.randn(1, 3, 40, 33)
    with torch.no_grad():
        assert_close(pickle.loads(pickle.dumps(network))(image), network(image), rtol=0, atol=0)


def test_the_gradient_of_a_shared_weight_is_the_sum_of_both_uses() -> None:
    path = "layer2.0.conv1"
    network = create("test_resnet", decoder=DecoderConfig(head_input="sum")).double()
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    apart = copy.deepcopy(network)
    network(image).square().sum().backward()

    # The same computation, in which the decoder reads a copy of the weight.
    weight = apart.encoder.get_submodule(path).weight
    apart.register_parameter("copied", nn.Parameter(weight.detach().clone()))
    graph = apart.decoder_graph().graph
    (use,) = graph.find_nodes(op="get_attr", target=f"encoder.{path}.weight")
    use.target = "copied"
    logits = apart.head(fx.GraphModule(apart, graph)(image))
    resize_logits(logits, (32, 32)).square().sum().backward()

    assert apart.copied.grad.abs().sum() > 0
    assert_close(network.encoder.get_submodule(path).weight.grad, weight.grad + apart.copied.grad)


def test_the_encoder_has_timm_s_keys() -> None:
    theirs = timm.create_model("test_efficientnet", num_classes=0).state_dict()
    ours = create("test_efficientnet").encoder.state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


def test_drop_path_leaves_training_and_evaluation_the_same_graph() -> None:
    model = timm.create_model("test_resnet", drop_path_rate=0.1)
    graphs = [[node.format_node() for node in trace(model.train(mode)).graph.nodes] for mode in (True, False)]
    assert graphs[0] == graphs[1]


@pytest.mark.parametrize(("kind", "norm"), [("batch", nn.BatchNorm2d), ("group", nn.GroupNorm)])
def test_each_convolution_of_the_decoder_has_the_requested_norm(kind: str, norm: type[nn.Module]) -> None:
    network = create(decoder=DecoderConfig(output_stride="image", norm=kind))
    layers = [module for module in network.decoder.modules() if not list(module.children())]
    graph = network.decoder_graph().graph
    convolutions = [node for node in graph.nodes if getattr(node.target, "__name__", "") == "same_conv2d"]
    assert {type(layer) for layer in layers} == {norm}
    assert len(layers) == len(convolutions) > 10


def test_group_norms_train_on_features_of_a_single_pixel() -> None:
    network = create(freeze_encoder=True, decoder=DecoderConfig(norm="group"))
    network(torch.randn(1, 3, 32, 32)).square().mean().backward()
    assert network.decoder.get_submodule("layer4.0.conv1.norm").weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("name", "options"), [("test_resnet", {}), ("segnet", {"encoder_name": "vgg11_narrow"})])
def test_a_batch_with_one_value_per_channel_is_refused_in_training_only(name: str, options: dict[str, object]) -> None:
    network = create(name, **options)
    too_small = (1, 3, 16, 16)
    with pytest.raises(fb.InputError, match=r"batch of 1 image of 16x16: .* norm encoder\.\S+ are 1x1, .*group norms$"):
        network(torch.rand(too_small))
    for accepted in ((1, 3, 33, 33), (2, 3, 16, 16)):
        assert network(torch.rand(accepted)).shape[-2:] == accepted[-2:]
    assert not any(module._forward_pre_hooks for module in network.modules())
    assert network.eval()(torch.rand(too_small)).isfinite().all()


def test_a_frozen_encoder_leaves_the_decoder_s_norms_to_check() -> None:
    with pytest.raises(fb.InputError, match=r"batch norm decoder\.layer4\.\S+ are 1x1"):
        create(freeze_encoder=True, decoder=DecoderConfig())(torch.rand(1, 3, 32, 32))


@pytest.fixture
def frozen() -> fb.Feedbackward:
    return create(freeze_encoder=True).train()


def steps(network: nn.Module, count: int) -> None:
    """Gradient descent on the trainable parameters."""
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    for _ in range(count):
        network(torch.randn(2, 3, 33, 47)).square().mean().backward()
        optimizer.step()


def state(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


def test_with_a_frozen_encoder_decoder_and_head_train(frozen: fb.Feedbackward) -> None:
    trained = {name for name, parameter in frozen.named_parameters() if parameter.requires_grad}
    assert trained == {name for name, _ in frozen.named_parameters() if name.startswith(("decoder.", "head."))}


def test_training_does_not_change_a_frozen_encoder(frozen: fb.Feedbackward) -> None:
    before = state(frozen.encoder)
    steps(frozen, 2)
    changed = [key for key, value in frozen.encoder.state_dict().items() if not torch.equal(value, before[key])]
    assert changed == []


@pytest.mark.parametrize("part", ["decoder", "head"])
def test_training_changes_the_rest_of_a_frozen_network(frozen: fb.Feedbackward, part: str) -> None:
    before = state(frozen.get_submodule(part))
    steps(frozen, 2)
    assert not any(torch.equal(value, before[key]) for key, value in frozen.get_submodule(part).state_dict().items())


def test_a_frozen_encoder_stays_in_evaluation_mode(frozen: fb.Feedbackward) -> None:
    for network in (frozen, copy.deepcopy(frozen).train()):
        assert not network.encoder.training
        assert network.decoder.training


@pytest.mark.parametrize("channels", [1, 5])
def test_pretrained_weights_of_the_first_layer_are_adapted_to_other_channels(channels: int, tmp_path: Path) -> None:
    theirs = timm.create_model("test_resnet")
    file, key = tmp_path / "weights.safetensors", "conv1.0.weight"
    save_file(theirs.state_dict(), file)
    network = fb.create_model("test_resnet", encoder_weights=file, in_channels=channels, classes=5)
    colors = theirs.state_dict()[key]
    # A gray image has the output of a color image with three equal channels. More channels repeat the three, scaled so
    # that equal channels keep their sum.
    repeated = colors.sum(1, keepdim=True) if channels == 1 else colors[:, [0, 1, 2, 0, 1]] * 3 / 5
    assert_close(network.encoder.state_dict()[key], repeated)
    assert network.eval()(torch.randn(1, channels, 33, 47)).shape == (1, 5, 33, 47)


ENDS = [
    ("test_resnet", 2, True),
    ("vgg11_narrow", 1, True),
    ("vgg11_narrow", "image", False),
    ("test_convnext", 4, False),
]
"""An encoder, an output stride, and whether the sum at that end contains the encoder's feature.

Neither the image nor the output of ConvNeXt's stem has an activation, at which the feature would be added.
"""


def on_sum_and_on_both(name: str, stride: int | str) -> tuple[fb.Feedbackward, fb.Feedbackward]:
    """Two networks with the same weights; the second has signal and feature as parts, the latter with weight 0."""
    config = DecoderConfig(output_stride=stride, output_feature="last", head_kernel_size=1, head_input="sum")
    added = create(name, decoder=config).double().eval()
    both = create(name, decoder=replace(config, head_input="both")).double().eval()
    state = added.state_dict()
    weight = state["head.pointwise.weight"]
    both.load_state_dict({**state, "head.pointwise.weight": torch.cat([weight, torch.zeros_like(weight)], dim=1)})
    return added, both


@pytest.mark.parametrize(("name", "stride", "fused"), ENDS)
@torch.no_grad()
def test_a_head_with_equal_weights_for_both_parts_reads_their_sum(name: str, stride: int | str, fused: bool) -> None:
    added, both = on_sum_and_on_both(name, stride)
    for_signal, for_feature = both.head.pointwise.weight.chunk(2, dim=1)
    if fused:
        for_feature.copy_(for_signal)
    image = torch.rand(2, 3, 45, 70, dtype=torch.float64)
    assert_close(both(image), added(image))


@pytest.mark.parametrize(("name", "stride", "fused"), ENDS)
@torch.no_grad()
def test_a_head_on_both_parts_reads_the_feature(name: str, stride: int | str, fused: bool) -> None:
    _, both = on_sum_and_on_both(name, stride)
    image = torch.rand(1, 3, 45, 70, dtype=torch.float64)
    before = both(image)
    both.head.pointwise.weight.chunk(2, dim=1)[1].add_(1)
    assert (both(image) - before).abs().max() > 1e-3


def test_the_head_has_the_requested_kernel_size() -> None:
    network = create(decoder=DecoderConfig(head_kernel_size=5)).eval()
    assert network.head.depthwise.kernel_size == (5, 5)
    assert network(torch.rand(1, 3, 33, 50)).shape == (1, 5, 33, 50)
