"""The speedup of each step of feedbackward.optimize: python benchmarks/optimize_steps.py [ENCODER ...].

Each step builds on the steps before it; all are timed in turns, at 512x1024 with one image and two threads.
"""

import copy
import sys
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import fx, nn

import feedbackward as fb
from feedbackward.benchmark.timing import median_and_quartiles, time_interleaved
from feedbackward.models.optimized import OptimizedNetwork
from feedbackward.passes import fold_norms, upsample_late, work_in_place

ENCODERS = ("mobilenetv2_100", "resnet18", "vgg16_bn")
SIZE, THREADS, REPEATS = (512, 1024), 2, 5


def steps(network: fb.Feedbackward) -> Iterator[tuple[str, nn.Module]]:
    """The network after each step."""

    def built(passes: fx.GraphModule) -> OptimizedNetwork:
        return OptimizedNetwork(network, copy.deepcopy(passes)).eval()

    yield "as transposed", built(fx.GraphModule(network, network.decoder_graph().graph))
    passes = fx.GraphModule(network, upsample_late(network.decoder_graph().graph, network, after_norms=True))
    yield "late upsampling", built(passes)
    changes: tuple[tuple[str, Callable[[fx.GraphModule], None]], ...] = (
        ("norms folded", fold_norms),
        ("in place", work_in_place),
    )
    for title, change in changes:
        change(passes)
        yield title, built(passes)
    yield "channels last", built(passes).to(memory_format=torch.channels_last)


@torch.inference_mode()
def measure(encoder: str) -> None:
    """Print a row for each step: median time and quartiles, speedup over the step before and over the first."""
    network = fb.Feedbackward(encoder, encoder_weights=None).eval()
    image = torch.rand(1, 3, *SIZE)
    named = list(steps(network))
    times = time_interleaved([partial(step, image) for _, step in named], repeats=REPEATS)
    medians = [median_and_quartiles(taken) for taken in times]
    print(f"\n| {encoder} | ms | over the step before | over the first |\n| --- | ---: | ---: | ---: |")
    for number, ((title, _), (median, (low, high))) in enumerate(zip(named, medians, strict=True)):
        before = medians[max(number - 1, 0)][0]
        cells = (f"{1e3 * median:.0f} ({1e3 * low:.0f}-{1e3 * high:.0f})", f"{before / median:.2f}")
        print(f"| {title} | {' | '.join(cells)} | {medians[0][0] / median:.2f} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    for name in sys.argv[1:] or ENCODERS:
        measure(name)
