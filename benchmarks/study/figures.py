"""The figures of a study: curves over the epochs, and predictions of its networks side by side."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image
from runs import Run, load

from feedbackward.data import CAMVID, CamVidData
from feedbackward.io import write_whole
from feedbackward.loading import load as load_predictor
from feedbackward.training.pictures import spread
from feedbackward.viz import pictures
from feedbackward.viz.charts import Curve, plot_curves, save_svg


def draw_curves(runs: Sequence[Run], path: Path) -> None:
    """Draw the curve of each row from the first seed: one color for a network, dashed at its other learning rate.

    Args:
        runs: Runs with a result, sorted by group.
        path: The SVG file to write.
    """
    first = list({run.row: run for run in reversed(runs)}.values())[::-1]
    groups = [(group, list(of_group)) for group, of_group in groupby(first, key=lambda run: run.row.group)]
    figure = Figure(figsize=(11, 3.6 * len(groups)), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots(len(groups), 1, sharey=True, squeeze=False).flat
    for axis, (group, of_group) in zip(axes, groups, strict=True):
        colors = {name: f"C{number}" for number, name in enumerate(dict.fromkeys(run.row.network for run in of_group))}
        curves = [
            Curve(
                label=run.row.title,
                points=[(e["epoch"], 100 * e["val/mean_iou"]) for e in load(run)["curves"] if "val/mean_iou" in e],
                color=colors[run.row.network],
                dashed=run.row.name != run.row.network,
            )
            for run in of_group
        ]
        plot_curves(axis, curves)
        axis.set_title(group, fontsize="medium", loc="left")
        axis.set_ylabel("mean IoU on val, %")
        axis.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    write_whole(path, partial(save_svg, figure))


def draw_predictions(runs: Sequence[Run], *, data: Path, path: Path, frames: int = 3) -> None:
    """Draw evenly spaced frames of CamVid's val split with the predictions of networks.

    Args:
        runs: Runs whose run folder has the network.
        data: Folder of CamVid.
        path: The JPEG file to write.
        frames: The number of frames.
    """
    dataset = CamVidData(root=data).dataset("val")
    predictors = [load_predictor(run.folder / "model", probabilities=False) for run in runs]
    titles = ["image", "truth", *(run.row.title for run in runs)]
    rows = []
    for index in spread(len(dataset), frames):
        image, mask = (dataset[index][key] for key in ("image", "mask"))
        pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
        masks = [mask.numpy(), *(predictor.predict(pixels) for predictor in predictors)]
        rows.append(pictures.side_by_side([pixels, *(pictures.paint(each, CAMVID) for each in masks)], titles))
    rows[-1] = pictures.with_legend(rows[-1], CAMVID, range(len(CAMVID)))
    small = Image.fromarray(np.concatenate(rows))
    small = small.resize((small.width // 2, small.height // 2), Image.Resampling.LANCZOS)
    write_whole(path, lambda file: small.save(file, format="JPEG", quality=85, optimize=True))
