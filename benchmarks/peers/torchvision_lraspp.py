"""Masks of a folder of images by torchvision, as a user writes it: torchvision_lraspp.py IMAGES OUTPUT."""

import sys
from pathlib import Path

import torch
from PIL import Image
from torchvision.models.segmentation import lraspp_mobilenet_v3_large
from torchvision.transforms import v2

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

images, output = map(Path, sys.argv[1:])
output.mkdir(exist_ok=True)
network = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=11).eval()
prepare = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
with torch.inference_mode():
    for path in sorted(images.iterdir()):
        image = prepare(Image.open(path).convert("RGB"))[None]
        mask = network(image)["out"][0].argmax(0)
        Image.fromarray(mask.byte().numpy()).save(output / f"{path.stem}.png")
