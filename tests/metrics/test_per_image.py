import csv
from pathlib import Path

import torch

from feedbackward.classes import ClassTable
from feedbackward.metrics.functional import segmentation_scores
from feedbackward.metrics.per_image import ImageScores

TABLE = ClassTable(("road", "a, b"), ((0, 0, 0), (1, 1, 1)))


def test_the_worst_image_comes_first_and_one_without_pixels_last(tmp_path: Path) -> None:
    images = {"good": [[3, 0, 0], [0, 1, 0]], "empty": [[0, 0, 0]] * 2, "bad": [[1, 0, 2], [0, 0, 0]]}
    with (tmp_path / "rows").open("w+b") as file:
        scores = ImageScores(TABLE.names, file)
        for name, confusion in images.items():
            scores.add(Path(f"val/{name}\n.png"), segmentation_scores(torch.tensor(confusion), TABLE))
        scores.write(tmp_path / "images.csv")
    with (tmp_path / "images.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["image", "mean_iou", "pixel_accuracy", "pixels", "iou road", "iou a, b"],
            ["val/bad\n.png", "0.3333", "0.3333", "3", "0.3333", ""],
            ["val/good\n.png", "1.0000", "1.0000", "4", "1.0000", "1.0000"],
            ["val/empty\n.png", "", "", "0", "", ""],
        ]
