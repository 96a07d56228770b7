"""Training steps of several networks in turns, and the memory that they keep for the backward pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.latency import in_turns, median_and_quartiles
from feedbackward.losses import CrossEntropyLoss


@dataclass(frozen=True)
class TrainingStep:
    """What a training step of one network showed.

    Args:
        name: Of the network.
        seconds: The median time of a step: forward, cross-entropy, backward, Adam.
        quartiles: The times that a quarter and three quarters of the steps stayed below.
        saved_bytes: What the forward pass keeps for the backward pass, each memory counted once; parameters left out.
    """

    name: str
    seconds: float
    quartiles: tuple[float, float]
    saved_bytes: int


def race_training(
    names: Sequence[str], *, size: tuple[int, int], batch: int = 2, threads: int | None = None, repeats: int = 5
) -> list[TrainingStep]:
    """Race training steps on the CPU, in float32.

    Args:
        names: The networks, as create_candidate takes them.
        size: Height and width of the images.
        batch: How many images make a step.
        threads: PyTorch's own choice if None.
        repeats: How many steps each makes, in turns with the others.

    Raises:
        InputError: If a network is unknown.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    networks = [create_candidate(name).train() for name in names]
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(batch, 3, *size, generator=generator)
    mask = torch.randint(0, networks[0].classes, (batch, *size), generator=generator)
    steps = [_step(network, image, mask) for network in networks]
    results = []
    for name, network, taken in zip(names, networks, in_turns(steps, repeats=repeats), strict=True):
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
    """What a forward pass keeps for the backward pass, each memory counted once; parameters left out."""
    own = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        kept = network(image)  # while it is held, its graph is
    del kept
    return sum(found.values())
