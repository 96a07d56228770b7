"""Training steps of several networks, timed in turns, and the memory that they save for the backward pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from feedbackward.benchmark.candidates import create_candidate, explaining_run
from feedbackward.benchmark.peers import EncoderAlone
from feedbackward.benchmark.timing import median_and_quartiles, time_interleaved
from feedbackward.errors import InputError
from feedbackward.losses import CrossEntropyLoss


@dataclass(frozen=True)
class TrainingStep:
    """The measurements of the training steps of one network.

    Args:
        name: Name of the network.
        seconds: Median time of a step: forward pass, cross-entropy, backward pass, Adam.
        quartiles: First and third quartile of that time.
        saved_bytes: Bytes that the forward pass saves for the backward pass: each storage once, without parameters.
    """

    name: str
    seconds: float
    quartiles: tuple[float, float]
    saved_bytes: int


def measure_training(
    names: Sequence[str], *, size: tuple[int, int], batch: int = 2, threads: int | None = None, repeats: int = 5
) -> list[TrainingStep]:
    """Time training steps in turns, on the CPU in float32.

    Args:
        names: Names of the networks, see create_candidate.
        size: Height and width of the images.
        batch: Number of images per step.
        threads: Threads of PyTorch; its default if None.
        repeats: Number of timed steps of each network.

    Raises:
        InputError: If a network is unknown, has no logits, or cannot be trained on such images.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    networks = [create_candidate(name).train() for name in names]
    for name, network in zip(names, networks, strict=True):
        if isinstance(network, EncoderAlone):
            raise InputError(f"{name} is an encoder alone, which has no logits to train; omit it, or --train")
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(batch, 3, *size, generator=generator)
    mask = torch.randint(0, min(network.classes for network in networks), (batch, *size), generator=generator)
    steps = [_step(network, image, mask) for network in networks]
    for name, step in zip(names, steps, strict=True):
        with explaining_run(name, batch, size):
            step()
    results = []
    for name, network, taken in zip(names, networks, time_interleaved(steps, repeats=repeats), strict=True):
        results.append(TrainingStep(name, *median_and_quartiles(taken), saved_bytes(network, image)))
    return results


def _step(network: nn.Module, image: Tensor, mask: Tensor) -> Callable[[], None]:
    optimizer, loss = torch.optim.Adam(network.parameters()), CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss(network(image), mask).backward()
        optimizer.step()

    return step


def saved_bytes(network: nn.Module, image: Tensor) -> int:
    """The bytes that a forward pass saves for the backward pass: each storage once, without parameters."""
    own = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    found: dict[int, int] = {}

    def record(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
        kept = network(image)  # the graph, and with it every saved tensor, lives as long as this
    del kept
    return sum(found.values())
