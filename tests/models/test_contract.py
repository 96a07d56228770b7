"""The properties of every feedbackward network, on the smallest encoder of each family and, in the sweep, on all."""

import copy
import shutil
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import pytest
import torch
from timm.models.metaformer import StarReLU
from torch import Tensor, nn
from torch.testing import assert_close

import feedbackward as fb
from feedbackward.decoder_config import DecoderConfig
from feedbackward.models import create_encoder
from feedbackward.models.catalog import SHIPPED, Catalog, EncoderRecord
from feedbackward.nn import BATCH_NORMS
from feedbackward.transform import trace
from feedbackward.viz.decoder_rows import Row, decoder_rows
from feedbackward.viz.diagram import draw

SIZE = (65, 97)
RECORDS = [record for record in Catalog.from_json(SHIPPED.read_text()).encoders if record.supported]
MOST_PARAMETERS = 15_000_000
"""Families whose encoders are all larger, such as Swin's and NASNet, take long: the sweep tests them."""
SAMPLE = {
    min((record for record in RECORDS if record.family == family), key=lambda record: record.encoder_parameters).name
    for family in {record.family for record in RECORDS if record.encoder_parameters < MOST_PARAMETERS}
}
"""The smallest encoder of each family. All others are marked slow: `make sweep` runs them."""


def test_the_sample_has_thirty_five_families() -> None:
    assert len(SAMPLE) >= 35


@dataclass(frozen=True)
class Trained:
    """A network after a forward and backward pass in training, and their results.

    Args:
        encoder: timm's module; the network shares its weights.
        network: In evaluation mode.
        training_shape: The shape of the logits in training.
        gradients: For each parameter that got a gradient, whether it was finite.
        image: An image.
        logits: Its logits.
    """

    encoder: nn.Module
    network: fb.Feedbackward
    training_shape: tuple[int, ...]
    gradients: dict[str, bool]
    image: Tensor
    logits: Tensor

    @cached_property
    def rows(self) -> list[Row]:
        """What `feedbackward info` shows."""
        network = self.network
        return decoder_rows(network.encoder, network.decoder_graph(), size=network.sizes.padded(SIZE), in_channels=3)


def marks(record: EncoderRecord) -> list[pytest.MarkDecorator]:
    """The sample runs every day. The sweep keeps an encoder's tests together, and giants one after the other."""
    group = "giants" if record.encoder_parameters > 1e9 else record.name
    return [pytest.mark.slow] * (record.name not in SAMPLE) + [pytest.mark.xdist_group(group)]


@pytest.fixture(scope="module", params=[pytest.param(r.name, id=r.name, marks=marks(r)) for r in RECORDS])
def trained(request: pytest.FixtureRequest) -> Trained:
    torch.manual_seed(0)
    encoder = create_encoder(request.param, weights=None, in_channels=3)
    # StarReLU squares, so with fixed statistics and random weights values grow beyond all bounds (docs/method.md).
    squares = any(isinstance(module, StarReLU) for module in encoder.modules())
    decoder = DecoderConfig(retrace="all", output_stride="image", norm="group" if squares else "batch")
    network = fb.Feedbackward(encoder, classes=5, decoder=decoder, encoder_name=request.param)
    for module in network.modules():
        if isinstance(module, tuple(BATCH_NORMS.values())):
            module.momentum = None  # one step then leaves the statistics of its batch for evaluation

    gradients: dict[str, bool] = {}

    def note(name: str, parameter: Tensor) -> None:
        gradients[name] = bool(parameter.grad.isfinite().all())
        parameter.grad = None  # the giants' gradients do not fit into the memory of a small machine all at once

    hooks = [
        parameter.register_post_accumulate_grad_hook(partial(note, name))
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    ]
    batch = torch.randn(2, 3, *SIZE)
    logits = network.train()(batch)
    logits.square().mean().backward()
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        return Trained(encoder, network, tuple(logits.shape), gradients, batch[:1], network.eval()(batch[:1]))


def test_the_state_is_the_encoder_s_the_decoder_s_and_the_head_s(trained: Trained) -> None:
    assert {key.split(".")[0] for key in trained.network.state_dict()} == {"encoder", "decoder", "head"}


def test_every_tensor_is_stored_once(trained: Trained) -> None:
    state = trained.network.state_dict()
    assert len({tensor.untyped_storage().data_ptr() for tensor in state.values()}) == len(state)


def test_logits_have_the_size_of_the_images(trained: Trained) -> None:
    assert trained.training_shape == (2, 5, *SIZE)
    assert trained.logits.shape == (1, 5, *SIZE)


def test_every_parameter_gets_a_finite_gradient(trained: Trained) -> None:
    expected = {name: True for name, parameter in trained.network.named_parameters() if parameter.requires_grad}
    assert trained.gradients == expected


def test_logits_are_finite_after_a_step(trained: Trained) -> None:
    assert trained.logits.isfinite().all()


def test_a_copy_gives_the_same_logits(trained: Trained) -> None:
    with torch.no_grad():
        assert_close(copy.deepcopy(trained.network)(trained.image), trained.logits, rtol=0, atol=0)


def test_a_saved_network_gives_the_same_logits(trained: Trained, tmp_path: Path) -> None:
    trained.network.save_pretrained(tmp_path)
    with torch.no_grad():
        assert_close(fb.from_pretrained(tmp_path)(trained.image), trained.logits, rtol=0, atol=0)
    shutil.rmtree(tmp_path)  # otherwise a sweep fills the disk


def test_the_traced_encoder_computes_what_timm_s_does(trained: Trained) -> None:
    image = torch.randn(1, 3, *trained.network.sizes.padded(SIZE))
    with torch.no_grad():
        assert_close(trained.network.encoder(image), trained.encoder.eval().forward_features(image))


def test_training_and_evaluation_have_the_same_graph(trained: Trained) -> None:
    name = trained.network.config["encoder_name"]
    with torch.device("meta"):
        encoders = [create_encoder(name, weights=None, in_channels=3).train(mode) for mode in (True, False)]
        training, evaluation = ([node.format_node() for node in trace(encoder).graph.nodes] for encoder in encoders)
    assert training == evaluation


def test_each_weight_in_the_decoder_is_explained_and_has_a_norm(trained: Trained) -> None:
    norms = [name for name, _ in trained.network.decoder.named_modules() if "norm" in name.rpartition(".")[2]]
    assert sum(row.weight is not None for row in trained.rows) == len(norms) > 0


def test_it_can_be_drawn(trained: Trained) -> None:
    drawing = draw(trained.rows, title=trained.network.config["encoder_name"], classes=5)
    assert ET.fromstring(drawing).tag.endswith("svg")
