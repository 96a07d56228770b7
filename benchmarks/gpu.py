"""The benchmarks on a GPU, in at most ten minutes: python benchmarks/gpu.py --output FOLDER.

Inference at 512x1024 compiled in bfloat16, and in TensorRT if it is installed, and training steps: ours beside
smp.Unet, with the share of the card's matmul rate and the peak memory. Each part writes FOLDER/NAME.json as soon as it
is done, the most important one first; what the time does not allow is named at the end. With --rehearse the same
commands run small on the CPU.
"""

import argparse
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

PAIRS = {"mobilenetv2_100": "mobilenet_v2", "resnet50": "resnet50"}
"""Encoders by timm's name, and by that of segmentation_models_pytorch."""
BATCHES = (1, 8, 32)
RUN = "import sys; from feedbackward.cli.main import main; main(sys.argv[1:])"


def parts(*, rehearse: bool, tensorrt: bool) -> dict[str, list[str]]:
    """The arguments of `feedbackward benchmark` for each part, the most important first.

    Args:
        rehearse: Whether to run on the CPU, in runtimes that it has, and on small images.
        tensorrt: Whether TensorRT is installed.
    """
    pairs = list(PAIRS.items())[: 1 if rehearse else None]
    names = [name for ours, theirs in pairs for name in (f"smp/Unet/{theirs}", f"feedbackward/{ours}")]
    runtime, training_runtime = ("compile", "bfloat16") if rehearse else ("cuda", "cuda")
    inference = ["--models", ",".join(names), "--size", "64,128" if rehearse else "512,1024"]
    training = ["--models", ",".join(names), "--size", "64,64" if rehearse else "512,512"]
    first, second, third = ([*inference, "--runtimes", runtime, "--batch", str(batch)] for batch in BATCHES)
    return {
        f"gpu_batch_{BATCHES[0]}": first,
        f"gpu_batch_{BATCHES[1]}": [*second, "--memory"],  # which compiles each network once more
        "gpu_training": ["--train", *training, "--runtimes", training_runtime, "--batch", "8"],
        **({"gpu_tensorrt": [*inference, "--runtimes", "tensorrt"]} if tensorrt else {}),
        f"gpu_batch_{BATCHES[2]}": third,
    }


def main() -> None:
    """Run the parts one after another until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rehearse", action="store_true")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    end, missing = time.monotonic() + 60 * args.minutes, list[str]()
    tensorrt = not args.rehearse and find_spec("tensorrt") is not None
    if not tensorrt:
        print("without TensorRT")
    for name, arguments in parts(rehearse=args.rehearse, tensorrt=tensorrt).items():
        command = [sys.executable, "-c", RUN, "benchmark", *arguments, "--json", str(args.output / f"{name}.json")]
        print(name, flush=True)
        try:
            subprocess.run(command, check=True, timeout=max(0.0, end - time.monotonic()))
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            print(error)
            missing.append(name)
    if missing:
        sys.exit(f"not measured: {', '.join(missing)}")


if __name__ == "__main__":
    main()
