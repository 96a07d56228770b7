"""Where a network's time goes in onnxruntime: the encoder, the way back, the classifier, the last interpolation.

With nothing beside it: python benchmarks/parts.py [NAME ...], names as for feedbackward benchmark.
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

from feedbackward.benchmark import create_candidate
from feedbackward.exporting import export

SIZE = (512, 1024)
THREADS = 2
REPEATS = 10
PARTS = ("encoder", "way back", "classifier", "interpolation")
NAMES = [
    f"feedbackward/{encoder}?retrace=transitions"
    for encoder in ("mobilenetv2_100", "efficientnet_b0", "resnet18", "resnet50", "vgg16_bn")
]


def parts(file: Path) -> dict[str, str]:
    """The part of each node of an exported network, by its name and by those of what it makes."""
    graph = onnx.load(file).graph
    weights = {tensor.name for tensor in graph.initializer if len(tensor.dims) > 1}
    found, part, read = {}, "encoder", set[str]()
    for node in graph.node:
        own = weights.intersection(node.input)
        if any(name.startswith(("network.head.", "slice")) for name in own):  # parts of the head's weights are slices
            part = "classifier"
        elif part == "encoder" and own & read:  # the way back begins where a weight is read again
            part = "way back"
        read |= own
        found |= dict.fromkeys((node.name, *node.output), part)
    last = [node for node in graph.node if node.op_type == "Resize"][-1]
    return found | dict.fromkeys((last.name, *last.output), "interpolation")


def profile(name: str, folder: Path) -> dict[str, float]:
    """The milliseconds of each part: the medians of its kernels, added."""
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
            # What onnxruntime puts between the nodes of the file, a change of layout, belongs to the one before it.
            part = next((part_of[node] for node in (kernel, kernel.removesuffix("_nchwc")) if node in part_of), part)
            order[kernel] = part
            times[kernel].append(event["dur"] / 1e3)
    total = Counter[str]()
    for kernel, taken in times.items():
        total[order[kernel]] += statistics.median(taken)
    return total


def main(names: list[str]) -> None:
    """Print the parts of each network."""
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            total = profile(name, Path(folder))
        print(f"{name}: {', '.join(f'{part} {total[part]:.1f} ms' for part in PARTS)}")


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
