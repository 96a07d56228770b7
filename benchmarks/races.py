"""The races of docs/performance.md, with nothing beside them: python benchmarks/races.py [NAME ...].

Each leaves docs/performance/NAME.json; docs/make_performance.py takes them into the page.
"""

import sys
from pathlib import Path

from feedbackward.benchmark.peers import SMP_ENCODERS
from feedbackward.cli.main import main

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "performance"
EVERY_RUNTIME = "eager,channels_last,optimized,compile,onnxruntime,openvino"


def races() -> dict[str, list[str]]:
    """The arguments of `feedbackward benchmark` for each race."""
    found = {}
    for ours, theirs in SMP_ENCODERS.items():
        networks = (
            f"smp/Unet/{theirs}",
            f"smp/FPN/{theirs}",
            f"feedbackward/{ours}",
            f"feedbackward/{ours}?retrace=transitions",
            f"timm/{ours}",
        )
        found[ours] = ["--models", ",".join(networks), "--runtimes", "onnxruntime", "--memory"]
    networks = ("smp/Unet/mobilenet_v2", "feedbackward/mobilenetv2_100")
    found["runtimes"] = ["--models", ",".join(networks), "--runtimes", EVERY_RUNTIME, "--memory"]
    # In SegNet's file the pixel that is the largest of a pool may be another one, and its scores differ then.
    found["vgg16_pwn"] = ["--models", "segnet,vgg16_pwn", "--runtimes", EVERY_RUNTIME, "--tolerance", "0.5"]
    networks = ("segnet", "vgg16_pwn", "vgg16_pwn?grad_checkpointing=true")
    found["training"] = ["--train", "--models", ",".join(networks), "--size", "256,512", "--batch", "2"]
    networks = ("smp/Unet/mobilenet_v2", "feedbackward/mobilenetv2_100")
    networks += ("feedbackward/mobilenetv2_100?grad_checkpointing=true",)
    found["training_mobilenetv2_100"] = ["--train", "--models", ",".join(networks), "--size", "256,512", "--batch", "8"]
    networks = [
        name
        for ours in ("mobilenetv2_100", "resnet18")
        for name in (
            *(f"smp/{peer}/{SMP_ENCODERS[ours]}" for peer in ("Unet", "FPN", "DeepLabV3Plus")),
            f"feedbackward/{ours}",
            f"feedbackward/{ours}?retrace=transitions",
        )
    ]
    scores = ("--plot", str(RESULTS / "tradeoff.svg"), "--scores", str(DOCS / "study" / "camvid_reduced"))
    found["tradeoff"] = ["--models", ",".join(networks), "--runtimes", "onnxruntime", *scores]
    return found


def run(names: list[str]) -> None:
    """Run the races of these names, or all."""
    every = races()
    unknown = set(names) - every.keys()
    if unknown:
        sys.exit(f"no race {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    RESULTS.mkdir(exist_ok=True)
    for name in names or every:
        print(name, flush=True)
        main(["benchmark", *every[name], "--threads", "2", "--repeats", "5", "--json", str(RESULTS / f"{name}.json")])


if __name__ == "__main__":
    run(sys.argv[1:])
