"""Run the benchmarks of docs/performance.md, on an idle machine: python benchmarks/performance.py [NAME ...].

Each writes docs/performance/NAME.json; docs/make_performance.py puts them into the page. `tradeoff` redraws the figure
of mean IoU against time too. `loading` is that of loading.py.
"""

import subprocess
import sys
from pathlib import Path

from feedbackward.benchmark.peers import SMP_ENCODERS
from feedbackward.cli.main import main

DOCS = Path(__file__).parents[1] / "docs"
RESULTS = DOCS / "performance"
STUDY = DOCS / "study"
TRADEOFF = Path(__file__).parent / "study" / "tradeoff.py"
LOADING = Path(__file__).with_name("loading.py")
MOBILE = ("mobilenetv2_100", "mobilenetv3_large_100", "efficientnet_b0", "tf_efficientnet_lite0")
"""The encoders beside which all decoders are timed."""
DECODERS = (
    "",
    "?retrace=transitions",
    "?retrace=stages",
    "?retrace=stages&rank=16",
    "?retrace=stages&rank=16&head_channels=32&head_strides=all",
    "?retrace=stages&rank=16&head_channels=64&head_strides=all",
)
"""Options of ours."""
ENCODERS = {
    **SMP_ENCODERS,
    "efficientnet_b5": "efficientnet-b5",
    "densenet121": "densenet121",
    "resnet34": "resnet34",
}
"""Encoders on which ours is timed beside others, and the names of segmentation_models_pytorch. The last three are near
the FLOPs from which our decoder has the transitions alone by default."""
TRAINED = ("mobilenetv2_100", "efficientnet_b4", "convnext_tiny", "densenet121", "resnet18", "resnet50", "vgg16_bn")
"""The encoders on which training steps in float32 and bfloat16 are compared."""
EVERY_RUNTIME = "eager,channels_last,optimized,compile,onnxruntime,openvino"


def benchmarks() -> dict[str, list[str]]:
    """The arguments of `feedbackward benchmark` for each benchmark of the page."""
    training = ("--train", "--runtimes", "channels_last,bfloat16", "--size", "256,512")
    found = {}
    for ours, theirs in ENCODERS.items():
        networks = (
            f"smp/Unet/{theirs}",
            f"smp/FPN/{theirs}",
            f"feedbackward/{ours}?retrace=all",
            f"feedbackward/{ours}?retrace=transitions",
            f"feedbackward/{ours}?freeze_encoder=true",
            f"timm/{ours}",
        )
        found[ours] = ["--models", ",".join(networks), "--runtimes", "onnxruntime", "--memory"]
    networks = ("smp/Unet/mobilenet_v2", "feedbackward/mobilenetv2_100")
    found["runtimes"] = ["--models", ",".join(networks), "--runtimes", EVERY_RUNTIME, "--memory"]
    # With random weights, rounding decides which pixel of SegNet's pools is the largest: its logits differ by more
    # than the usual tolerance then.
    found["vgg16_pwn"] = ["--models", "segnet,vgg16_pwn", "--runtimes", EVERY_RUNTIME, "--tolerance", "0.5"]
    networks = ("segnet", "vgg16_pwn", "vgg16_pwn?grad_checkpointing=true")
    found["training"] = ["--models", ",".join(networks), *training, "--batch", "2"]
    lite0 = "feedbackward/tf_efficientnet_lite0"
    own = "?rank=16&head_channels=64&head_strides=all"
    fine = "?output_stride=2&rank=16&head_channels=32&head_strides=all"
    networks = (
        *(f"smp/{decoder}/tu-tf_efficientnet_lite0" for decoder in ("Unet", "FPN", "DeepLabV3Plus")),
        *(f"{lite0}{own}{more}" for more in ("", "&grad_checkpointing=true", "&freeze_encoder=true")),
    )
    found["training_peers"] = ["--models", ",".join(networks), *training, "--batch", "4"]
    networks = tuple(f"feedbackward/{encoder}" for encoder in TRAINED)
    small = ("--train", "--runtimes", "channels_last,bfloat16", "--size", "192,256", "--batch", "4")
    found["training_encoders"] = ["--models", ",".join(networks), *small]
    networks = (
        "smp/Unet/tu-tf_efficientnet_lite0",
        "smp/FPN/tu-tf_efficientnet_lite0",
        "smp/DeepLabV3Plus/tu-tf_efficientnet_lite0",
        "smp/Segformer/tu-tf_efficientnet_lite0?decoder_segmentation_channels=128",
        f"{lite0}{fine}",
        f"{lite0}{own}",
        f"{lite0}{own}&retrace=transitions",
        lite0,
        *(f"{lite0}{options}" for options in DECODERS[2:]),
        "timm/tf_efficientnet_lite0",
    )
    found["tradeoff"] = ["--models", ",".join(networks), "--runtimes", "onnxruntime"]
    parts = ("head_channels=64", "head_channels=32&head_strides=all", "head_channels=128&head_strides=all")
    networks = (
        f"{lite0}{own}",
        f"{lite0}?head_channels=64&head_strides=all",
        f"{lite0}?rank=full&head_channels=64&head_strides=all",
        *(f"{lite0}?rank=16&{part}" for part in parts),
        f"{lite0}?rank=16",
        lite0,
    )
    found["own_part"] = ["--models", ",".join(networks), "--runtimes", "onnxruntime"]
    networks = tuple(
        name
        for encoder, theirs in {**SMP_ENCODERS, "tf_efficientnet_lite0": "tu-tf_efficientnet_lite0"}.items()
        if encoder in MOBILE
        for name in (
            f"timm/{encoder}",
            f"smp/Unet/{theirs}",
            *(f"feedbackward/{encoder}{options}" for options in DECODERS),
        )
    )
    found["stages"] = ["--models", ",".join(networks), "--runtimes", "onnxruntime"]
    return found


def run(names: list[str]) -> None:
    """Run the benchmarks of these names, or all."""
    known = benchmarks()
    every = [*known, "loading"]
    unknown = set(names) - set(every)
    if unknown:
        sys.exit(f"unknown benchmark {', '.join(sorted(unknown))}; expected some of {', '.join(every)}")
    RESULTS.mkdir(exist_ok=True)
    for name in names or every:
        print(name, flush=True)
        result = RESULTS / f"{name}.json"
        if name == "loading":
            subprocess.run([sys.executable, LOADING, "--json", result], check=True)
            continue
        main(["benchmark", *known[name], "--threads", "2", "--repeats", "5", "--json", str(result)])
        if name == "tradeoff":
            subprocess.run([sys.executable, TRADEOFF, result, STUDY / "claims", STUDY / "tradeoff.svg"], check=True)


if __name__ == "__main__":
    run(sys.argv[1:])
