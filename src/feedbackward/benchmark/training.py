"""Training steps of several networks, timed in turns, and the memory that they save for the backward pass."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from feedbackward.benchmark.candidates import create_candidate, explaining_run
from feedbackward.benchmark.names import TRAINING_RUNTIME_NAMES
from feedbackward.benchmark.peers import EncoderAlone
from feedbackward.benchmark.timing import median_and_quartiles, time_interleaved
from feedbackward.errors import InputError
from feedbackward.losses import CrossEntropyLoss
from feedbackward.machine import choose_device


@dataclass(frozen=True)
class TrainingStep:
    """The measurements of the training steps of one network.

    Args:
        name: Name of the network.
        runtime: Where it was trained, see TRAINING_RUNTIME_NAMES.
        seconds: Median time of a step: forward pass, cross-entropy, backward pass, Adam.
        quartiles: First and third quartile of that time.
        saved_bytes: Bytes that the forward pass saves for the backward pass: each storage once, without parameters.
    """

    name: str
    runtime: str
    seconds: float
    quartiles: tuple[float, float]
    saved_bytes: int


def measure_training(
    names: Sequence[str],
    *,
    size: tuple[int, int],
    runtimes: Sequence[str] = ("eager",),
    batch: int = 2,
    threads: int | None = None,
    repeats: int = 5,
) -> list[TrainingStep]:
    """Time training steps in turns: in each runtime a step of each network.

    Args:
        names: Names of the networks, see create_candidate.
        size: Height and width of the images.
        runtimes: Some of TRAINING_RUNTIME_NAMES.
        batch: Number of images per step.
        threads: Threads of PyTorch; its default if None.
        repeats: Number of timed steps of each network.

    Raises:
        InputError: If a network or a runtime is unknown, a network has no logits, or it cannot be trained on such
            images.
    """
    for runtime in runtimes:
        if runtime not in TRAINING_RUNTIME_NAMES:
            raise InputError(
                f"unknown runtime {runtime!r} of training; expected one of {', '.join(TRAINING_RUNTIME_NAMES)}"
            )
    if threads is not None:
        torch.set_num_threads(threads)
    trained = [_Trained(name, runtime, batch, size) for runtime in runtimes for name in names]
    for one in trained:
        with explaining_run(one.name, batch, size):
            one.step()
    times = time_interleaved([one.step for one in trained], repeats=repeats)
    steps = []
    for one, taken in zip(trained, times, strict=True):
        with one.autocast():
            saved = saved_bytes(one.network, one.image)
        steps.append(TrainingStep(one.name, one.runtime, *median_and_quartiles(taken), saved))
    return steps


class _Trained:
    """A network with a batch of random images and masks."""

    def __init__(self, name: str, runtime: str, batch: int, size: tuple[int, int]) -> None:
        self.name, self.runtime = name, runtime
        self.device = choose_device("cuda") if runtime == "cuda" else torch.device("cpu")
        layout = torch.contiguous_format if runtime == "eager" else torch.channels_last
        self.network = create_candidate(name).train().to(self.device).to(memory_format=layout)
        if isinstance(self.network, EncoderAlone):
            raise InputError(f"{name} is an encoder alone, which has no logits to train; omit it, or --train")
        generator = torch.Generator().manual_seed(0)
        self.image = torch.rand(batch, 3, *size, generator=generator).to(self.device, memory_format=layout)
        self.mask = torch.randint(0, self.network.classes, (batch, *size), generator=generator).to(self.device)
        self.optimizer, self.loss = torch.optim.Adam(self.network.parameters()), CrossEntropyLoss()

    def autocast(self) -> AbstractContextManager[object]:
        """The precision of its forward pass."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.runtime in ("bfloat16", "cuda"))

    def step(self) -> None:
        """A training step."""
        self.optimizer.zero_grad()
        with self.autocast():
            logits = self.network(self.image)
        self.loss(logits.float(), self.mask).backward()
        self.optimizer.step()
        if self.device.type == "cuda":
            torch.cuda.synchronize()


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
