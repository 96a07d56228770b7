"""The speedup of each step of feedbackward.optimize: python benchmarks/optimize_steps.py [ENCODER ...].

Each step builds on the steps before it; all are timed in turns, at 512x1024 with one image and two threads.
"""

import copy
import sys
from collections.abc import Iterator
from functools import partial

import torch
from torch import nn

import feedbackward as fb
from feedbackward.benchmark.timing import median_and_quartiles, time_interleaved
from feedbackward.models.optimized import OptimizedNetwork
from feedbackward.passes import Pass, apply_passes, fold_norms, upsample_after_norms, work_in_place

ENCODERS = ("mobilenetv2_100", "resnet18", "vgg16_bn")
SIZE, THREADS, REPEATS = (512, 1024), 2, 5
STEPS: dict[str, tuple[Pass, ...]] = {
    "as transposed": (),
    "late upsampling": (upsample_after_norms,),
    "norms folded": (upsample_after_norms, fold_norms),
    "in place": (upsample_after_norms, fold_norms, work_in_place),
}
"""The passes of each step."""


def steps(network: fb.Feedbackward) -> Iterator[tuple[str, nn.Module]]:
    """The network after each step."""

    def optimized(passes: tuple[Pass, ...]) -> OptimizedNetwork:
        own = copy.deepcopy(network)
        return OptimizedNetwork(own, apply_passes(own.decoder_graph().graph, own, passes), own.head).eval()

    for title, passes in STEPS.items():
        yield title, optimized(passes)
    yield "channels last", optimized(STEPS["in place"]).to(memory_format=torch.channels_last)


@torch.inference_mode()
def measure(encoder: str) -> None:
    """Print a row for each step: median time and quartiles, speedup over the step before and over the first."""
    network = fb.create_model(encoder, classes=19, encoder_weights=None).eval()
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
