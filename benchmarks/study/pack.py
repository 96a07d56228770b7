"""Copy the data and the weights of the study into a folder that is small enough to be sent to another machine.

    python benchmarks/study/pack.py --data DATA --weights WEIGHTS --output packed

CamVid's images become JPEGs of quality 85, and the weights of VGG-16 and EfficientNet-Lite0 are stored in half
precision: 59 MB in all. On the other machine, in less than ten minutes:

    python benchmarks/study claims --full --only camvid,vgg16 --data packed/data --weights packed/weights \
        --processes 8 --minutes 7 --seeds 1 --results results
"""

import argparse
import shutil
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file

SPLITS = ("train", "val")
WEIGHTS = ("tf_efficientnet_lite0", "vgg16_convolutions")


def pack_camvid(source: Path, target: Path) -> None:
    """Copy the masks, and the images as JPEGs."""
    for split in SPLITS:
        (target / split).mkdir(parents=True)
        shutil.copytree(source / f"{split}annot", target / f"{split}annot")
        for path in sorted((source / split).iterdir()):
            with Image.open(path) as image:
                image.convert("RGB").save(target / split / f"{path.stem}.jpg", quality=85)


def pack_weights(source: Path, target: Path) -> None:
    """Copy the weights in half precision; integers stay as they are."""
    target.mkdir(parents=True)
    for path in (source / f"{name}.safetensors" for name in WEIGHTS):
        tensors = load_file(path)
        halves = {name: tensor.half() for name, tensor in tensors.items() if tensor.dtype == torch.float32}
        save_file(tensors | halves, target / path.name)


def main() -> None:
    """Pack both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of all data sets")
    parser.add_argument("--weights", type=Path, required=True, help="folder of ImageNet weights")
    parser.add_argument("--output", type=Path, required=True, help="folder to write; it must not exist")
    options = parser.parse_args()
    options.output.mkdir(parents=True)
    pack_camvid(options.data / "camvid", options.output / "data" / "camvid")
    pack_weights(options.weights, options.output / "weights")


if __name__ == "__main__":
    main()
