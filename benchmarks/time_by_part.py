"""Time of each part of a network in onnxruntime: encoder, decoder, classifier and final interpolation.

On an idle machine: python benchmarks/time_by_part.py [NAME ...], with names as for `feedbackward benchmark`.
"""

import json
import statistics
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import onnx
import onnxruntime
import torch

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.exporting import export

SIZE = (512, 1024)
THREADS = 2
REPEATS = 10
PARTS = ("encoder", "decoder", "classifier", "interpolation")
NAMES = [
    f"feedbackward/{encoder}?retrace=transitions"
    for encoder in ("mobilenetv2_100", "efficientnet_b0", "resnet18", "resnet50", "vgg16_bn")
]


def parts(file: Path) -> dict[str, str]:
    """The part that each node of an exported network belongs to, by the node's name and by its outputs' names."""
    graph = onnx.load(file).graph
    head = ("network.head.", "slice")  # its weights may be sliced
    several = [tensor.name for tensor in graph.initializer if len(tensor.dims) > 1]  # not those of norms
    weights = {name for name in several if name.startswith(("network.encoder.", *head))}
    found, part, read = {}, "encoder", set[str]()
    for node in graph.node:
        own = weights.intersection(node.input)
        if any(name.startswith(head) for name in own):
            part = "classifier"
        elif part == "encoder" and own & read:  # the decoder begins where a weight is used again
            part = "decoder"
        read |= own
        found |= dict.fromkeys((node.name, *node.output), part)
    last = [node for node in graph.node if node.op_type == "Resize"][-1]
    return found | dict.fromkeys((last.name, *last.output), "interpolation")


def profile(name: str, folder: Path) -> dict[str, float]:
    """The milliseconds of each part: the sum of its kernels' medians."""
    file = folder / "network.onnx"
    export(create_candidate(name), file, format="onnx", size=SIZE)
    part_of = parts(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    image = torch.rand(1, 3, *SIZE).numpy()
    for _ in range(REPEATS):
        session.run(None, {"image": image})
    events = json.loads(Path(session.end_profiling()).read_text())
    times, order = defaultdict[str, list[float]](list), dict[str, str]()
    part = "encoder"
    for event in events:
        if event["name"].endswith("_kernel_time"):
            kernel = event["name"].removesuffix("_kernel_time")
            # The layout changes that onnxruntime inserts between the nodes count as the node before them.
            part = next((part_of[node] for node in (kernel, kernel.removesuffix("_nchwc")) if node in part_of), part)
            order[kernel] = part
            times[kernel].append(event["dur"] / 1e3)
    total = Counter[str]()
    for kernel, taken in times.items():
        total[order[kernel]] += statistics.median(taken)
    return total


def main(names: list[str]) -> None:
    """Print the time of each part of each network."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            total = profile(name, Path(folder))
        print(f"{name}: {', '.join(f'{part} {total[part]:.1f} ms' for part in PARTS)}")


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
