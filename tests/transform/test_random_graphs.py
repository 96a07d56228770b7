"""The decoder of any small graph of linear operations is autograd's vector-Jacobian product."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import HealthCheck, assume, given, settings
from torch import Tensor, nn

CHANNELS = st.sampled_from([4, 8, 12])


@dataclass(frozen=True)
class Step:
    """An operation on the last value, and on the earlier value `other` if it takes two."""

    name: str
    channels: int
    other: int
    options: dict[str, Any]


@st.composite
def programs(draw: st.DrawFn) -> list[Step]:
    """One to six operations; the numbers of channels fit."""
    widths, steps, first = [4], [], 0  # values before the first have another height and width
    for _ in range(draw(st.integers(1, 6))):
        names = ["conv", "conv", "twice", "shuffle", "slice", "difference", "cat", "roll", "pad"]
        same = [index for index in range(first, len(widths) - 1) if widths[index] == widths[-1]]
        name = draw(st.sampled_from([*names, "add", "add"] if same else names))
        width, other, options = widths[-1], len(widths) - 1, {}
        if name == "conv":
            width = draw(CHANNELS)
            options = {
                "kernel_size": draw(st.sampled_from([1, 3, (1, 3), 5])),
                "groups": draw(st.sampled_from([1, 2, 4])),
            }
            options["dilation"] = draw(st.integers(1, 2))
        elif name == "add":
            other = draw(st.sampled_from(same))
        elif name == "cat":
            other = draw(st.integers(first, len(widths) - 1))
            width += widths[other]
        elif name == "slice":
            options = {"start": draw(st.integers(0, width - 4))}
            width = 4
        elif name == "difference":
            width //= 2
        if width % 4 or width > 24:
            continue
        if name == "pad":
            first = len(widths)
        widths.append(width)
        steps.append(Step(name, width, other, options))
    return steps


class Encoder(nn.Module):
    """Runs a program between a first and a last convolution."""

    def __init__(self, program: list[Step]) -> None:
        super().__init__()
        self.program, width = program, 4
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.layers = nn.ModuleDict()
        for index, step in enumerate(program):
            if step.name == "conv":
                options = {"padding": "same", "bias": False, **step.options}
                self.layers[f"conv{index}"] = nn.Conv2d(width, step.channels, **options)
            elif step.name == "shuffle":
                self.layers[f"shuffle{index}"] = nn.ChannelShuffle(2)
            width = step.channels
        self.last = nn.Conv2d(width, 5, 1, bias=False)

    def forward_features(self, image: Tensor) -> Tensor:
        values = [self.stem(image)]
        for index, step in enumerate(self.program):
            values.append(self.run(index, step, values[-1], values[step.other]))
        return self.last(values[-1])

    def run(self, index: int, step: Step, x: Tensor, other: Tensor) -> Tensor:
        if step.name in ("conv", "shuffle"):
            return self.layers[f"{step.name}{index}"](x)
        if step.name == "slice":
            return x[:, step.options["start"] : step.options["start"] + 4]
        if step.name == "difference":
            first, second = x.chunk(2, dim=1)
            return first - second
        return {
            "twice": lambda: x + 2 * x,
            "add": lambda: x + other,
            "cat": lambda: torch.cat([x, other], 1),
            "roll": lambda: torch.roll(x, (1, 2), (2, 3)),
            "pad": lambda: nn.functional.pad(x, (-1, 0, 2, -1)),
        }[step.name]()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(program=programs(), size=st.tuples(st.integers(12, 17), st.integers(12, 17)))
def test_a_random_graph(program: list[Step], size: tuple[int, int], assert_adjoint: Callable[..., None]) -> None:
    torch.manual_seed(1)
    encoder = Encoder(program)
    assume(encoder.forward_features(torch.randn(1, 3, *size)).any())  # a difference of two equal values is always zero
    assert_adjoint(encoder, size)
