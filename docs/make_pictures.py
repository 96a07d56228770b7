"""Draws docs/images/two_answers.jpg: ImageNet's classes and the mask of an adapter, from one pass over one image.

python docs/make_pictures.py coffee_leaves IMAGE BACKBONE
"""

from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from timm.data import ImageNetInfo

import feedbackward as fb
from feedbackward.data.files import read_image
from feedbackward.data.resize import resize_image
from feedbackward.viz import pictures

PICTURE = Path(__file__).parent / "images" / "two_answers.jpg"
MOST = 3
"""The number of ImageNet's classes in the title."""


def main() -> None:
    """Draw the picture."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("adapter")
    parser.add_argument("image", type=Path)
    parser.add_argument("backbone", type=Path)
    arguments = parser.parse_args()
    network = fb.load_tasks([arguments.adapter], backbone=arguments.backbone, classifier=True).eval()
    preprocessing, table = network.preprocessing, network.tasks[0].class_table
    pixels = read_image(arguments.image)
    size = preprocessing.resize.output_size(pixels.shape[:2])
    image = resize_image(torch.from_numpy(pixels).permute(2, 0, 1), size)
    with torch.inference_mode():
        answers = network(preprocessing(image[None].float() / 255))
    mask = answers[arguments.adapter].argmax(dim=1)[0].numpy()
    probabilities = answers["image_classes"].softmax(dim=1)[0]
    names = ImageNetInfo()
    found = [
        f"{names.index_to_description(index).split(',')[0]} {probabilities[index]:.0%}"
        for index in probabilities.topk(MOST).indices.tolist()
    ]
    shown = image.permute(1, 2, 0).numpy().astype(np.uint8)
    painted = pictures.overlay(shown, mask, table, unpainted=0)
    row = pictures.side_by_side([shown, painted], [f"ImageNet: {', '.join(found)}", arguments.adapter])
    picture = Image.fromarray(pictures.with_legend(row, table, pictures.present(table, mask)))
    picture.save(PICTURE, quality=88, optimize=True)


if __name__ == "__main__":
    main()
