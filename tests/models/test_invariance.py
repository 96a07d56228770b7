"""What must not change logits and gradients: batch size, threads, memory format, precision, a second try."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from feedbackward.decoder_config import FOR_FROZEN
from feedbackward.models import create_model, optimize
from feedbackward.nn import create_norm

ENCODERS = ["test_resnet", "test_efficientnet", "test_convnext"]
SIZE = (61, 83)
"""Odd, so that padding takes part."""


@pytest.fixture(params=ENCODERS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    """In float64, so that only what is computed differs, not how it is rounded."""
    torch.manual_seed(0)
    return create_model(request.param, encoder_weights=None, classes=4, decoder=FOR_FROZEN).double()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, *SIZE, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture
def threads() -> Iterator[None]:
    """Sets the number of threads back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def deterministic() -> Iterator[None]:
    """Operations that are not deterministic raise an error."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def evaluate(network: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return network.eval()(images)


def step(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of a training step and its gradient, in one vector; the network's statistics stay as they are."""
    network = deepcopy(network).train()
    mask = images.float().sum(1).mul(3).long() % 4
    torch.manual_seed(2)  # dropout
    loss = F.cross_entropy(network(images).float(), mask)
    loss.backward()
    gradients = [parameter.grad.flatten() for parameter in network.parameters() if parameter.grad is not None]
    return loss.detach(), torch.cat(gradients)


def test_the_batch_size(network: nn.Module, images: Tensor) -> None:
    alone = torch.cat([evaluate(network, image[None]) for image in images])
    assert_close(evaluate(network, images), alone)
    assert_close(evaluate(optimize(network.eval()), images), alone)


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads(network: nn.Module, images: Tensor) -> None:
    found = []
    for count in (1, 3):
        torch.set_num_threads(count)
        found.append((evaluate(network, images), *step(network, images)))
    assert_close(found[0], found[1])


def test_the_memory_format(network: nn.Module, images: Tensor) -> None:
    expected = evaluate(network, images), *step(network, images)
    network.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
    assert_close((evaluate(network, images), *step(network, images)), expected, check_stride=False)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 0.05), (torch.float16, 0.01)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_half_precision_under_autocast(
    network: nn.Module, images: Tensor, dtype: torch.dtype, tolerance: float, memory_format: torch.memory_format
) -> None:
    network, images = network.float(), images.float()
    logits, (loss, gradient) = evaluate(network, images), step(network, images)
    network, images = network.to(memory_format=memory_format), images.contiguous(memory_format=memory_format)
    with torch.autocast("cpu", dtype):
        half_logits, (half_loss, half_gradient) = evaluate(network, images), step(network, images)
    assert not torch.equal(half_logits.float(), logits)
    assert_close(half_logits.float(), logits, rtol=0, atol=tolerance * logits.abs().max().item())
    assert_close(half_loss, loss, rtol=tolerance, atol=0)
    assert F.cosine_similarity(half_gradient, gradient, dim=0) > 1 - 2 * tolerance


@pytest.mark.usefixtures("deterministic")
def test_deterministic_algorithms_are_enough(network: nn.Module, images: Tensor) -> None:
    """A step and its repetition are equal bit by bit, and every operation has a deterministic form."""
    network, images = network.float(), images.float()
    first, again = ((*step(network, images), evaluate(network, images)) for _ in range(2))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(first, again, strict=True))


def test_a_batch_norm_in_training_sees_the_batch() -> None:
    """The other tests can fail: what depends on the batch is found."""
    norm, images = create_norm("batch", 3, dims=4).double(), torch.rand(2, 3, 4, 4).double()
    assert not torch.allclose(norm(images), torch.cat([norm(image[None]) for image in images]))
