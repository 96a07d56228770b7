"""Masks of a folder of images by segmentation_models_pytorch, as a user writes it: smp_unet.py IMAGES OUTPUT."""

import sys
from pathlib import Path

import numpy as np
import segmentation_models_pytorch as smp
import torch
import torch.nn.functional as F
from PIL import Image

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

images, output = map(Path, sys.argv[1:])
output.mkdir(exist_ok=True)
network = smp.Unet("mobilenet_v2", encoder_weights=None, classes=11).eval()
with torch.inference_mode():
    for path in sorted(images.iterdir()):
        pixels = torch.from_numpy(np.array(Image.open(path).convert("RGB"))) / 255
        image = ((pixels - MEAN) / STD).permute(2, 0, 1)[None]
        height, width = image.shape[2:]
        padded = F.pad(image, (0, -width % 32, 0, -height % 32))  # it takes multiples of 32
        mask = network(padded)[0, :, :height, :width].argmax(0)
        Image.fromarray(mask.byte().numpy()).save(output / f"{path.stem}.png")
