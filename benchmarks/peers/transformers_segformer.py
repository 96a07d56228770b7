"""Masks of a folder of images by a pipeline, as a user writes it: transformers_segformer.py IMAGES OUTPUT."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor, pipeline

images, output = map(Path, sys.argv[1:])
output.mkdir(exist_ok=True)
network = SegformerForSemanticSegmentation(SegformerConfig(num_labels=11))
segment = pipeline("image-segmentation", model=network, image_processor=SegformerImageProcessor())
size = Image.open(next(images.iterdir())).size[::-1]
for path in sorted(images.iterdir()):
    mask = np.zeros(size, np.uint8)
    for found in segment(str(path)):
        mask[np.asarray(found["mask"]) > 0] = network.config.label2id[found["label"]]
    Image.fromarray(mask).save(output / f"{path.stem}.png")
