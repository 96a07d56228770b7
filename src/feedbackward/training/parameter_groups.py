"""The parameters of a network in groups for the optimizer: by part, and by what weight decay should spare."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from feedbackward.errors import InputError, listed


@dataclass(frozen=True)
class LearningRates:
    """The learning rate of each part of a network, relative to the optimizer's.

    Args:
        encoder: Factor for the encoder, such as 0.1 for pretrained weights.
        decoder: Factor for what the decoder has of its own.
        head: Factor for the classifier.

    Raises:
        InputError: If a factor is negative or not finite; to keep the encoder as it is, freeze it.
    """

    encoder: float = 1.0
    decoder: float = 1.0
    head: float = 1.0

    def __post_init__(self) -> None:
        for part, factor in asdict(self).items():
            if not 0 <= factor < math.inf:
                raise InputError(f"rates.{part} is {factor}; expected a finite factor of at least 0, such as 0.1")


def parameter_groups(network: nn.Module, rates: LearningRates, *, decay_norms: bool) -> list[dict[str, Any]]:
    """The trained parameters of a network, in groups with their "factor" of the learning rate.

    Args:
        network: The network; its parts are those named encoder, decoder and head, all others have the optimizer's rate.
        rates: The learning rates of the parts.
        decay_norms: Whether weight decay applies to norms and biases too, i.e. to parameters of one dimension.

    Raises:
        InputError: If a part with a rate of its own has no trained parameter, or all trained parts have the rate 0.
    """
    factors = asdict(rates)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    parts = set[str]()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            part = name.split(".")[0]
            parts.add(part)
            spared = not decay_norms and parameter.ndim <= 1
            groups.setdefault((factors.get(part, 1.0), spared), []).append(parameter)
    if unused := [part for part, factor in factors.items() if factor != 1 and part not in parts]:
        raise InputError(
            f"rates.{unused[0]} is {factors[unused[0]]}, but no parameter of the {unused[0]} is trained; the trained "
            f"parts are {listed(sorted(parts))}"
        )
    if not any(factor for factor, _ in groups):
        rates_of = ", ".join(f"{part} {factors[part]:g}" for part in sorted(parts))
        raise InputError(f"rates are {rates_of}: nothing is trained; expected at least one above 0")
    return [
        {"params": members, "factor": factor} | ({"weight_decay": 0.0} if spared else {})
        for (factor, spared), members in groups.items()
    ]


def apply_factors(optimizer: Optimizer) -> Optimizer:
    """The optimizer, with each group's learning rate multiplied by its factor."""
    for group in optimizer.param_groups:
        group["lr"] *= group["factor"]
    return optimizer
