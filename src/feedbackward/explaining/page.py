"""The page of an explanation: one self-contained HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from feedbackward.classes import ClassTable
from feedbackward.explaining.differences import Disagreement
from feedbackward.explaining.explanation import Explanation, Prediction
from feedbackward.explaining.image import ExplainedImage
from feedbackward.explaining.reliability import Calibration
from feedbackward.explaining.skips import SkipEffect
from feedbackward.metrics.scores import percent
from feedbackward.viz.charts import inline_svg, plot_reliability
from feedbackward.viz.heat_maps import heat_map, heat_over, heat_scale
from feedbackward.viz.pages import inline, render_page
from feedbackward.viz.pictures import circled, overlay, present

SKIPS = 6
"""The number of skip connections with a picture."""


@dataclass(frozen=True)
class Target:
    """A class at a pixel, which Grad-CAM explains.

    Args:
        pixel: The x and y of the pixel in the image's file.
        class_index: The class.
    """

    pixel: tuple[int, int]
    class_index: int


@dataclass(frozen=True)
class Comparison:
    """The prediction of another model.

    Args:
        model: Its name.
        prediction: Its classes, at the size of the explained image.
        table: The names and colors of these.
        found: Where it differs.
    """

    model: str
    prediction: np.ndarray[Any, Any]
    table: ClassTable
    found: Disagreement


def render_explanation(
    *,
    model: str,
    name: str,
    facts: Sequence[str],
    image: ExplainedImage,
    prediction: Prediction,
    explanation: Explanation | None,
    unexplained: str,
    targets: Sequence[Target],
    calibration: Calibration | None,
    calibrated_on: str,
    comparison: Comparison | None,
) -> str:
    """Render an explanation as HTML.

    Args:
        model: The name of the model.
        name: The name of the image.
        facts: Sentences about both.
        image: The image.
        prediction: What the model predicts for it.
        explanation: The explanation; None for a model that has none.
        unexplained: Why it has none.
        targets: The classes at pixels for which Grad-CAM is shown.
        calibration: The calibration over a data set, if there is one.
        calibrated_on: Which images these are.
        comparison: The prediction of another model, if there is one.
    """
    table = prediction.table
    shares = np.bincount(prediction.mask.ravel(), minlength=len(table)) / prediction.mask.size
    return render_page(
        Path(__file__).with_name("explain.html.jinja"),
        model=model,
        name=name,
        facts=facts,
        percent=percent,
        scale=heat_scale(),
        image=inline(image.picture, "jpeg"),
        painted=inline(overlay(image.picture, prediction.mask, table), "jpeg"),
        confidence=inline(heat_map(prediction.confidence), "jpeg"),
        mean_confidence=float(prediction.confidence.mean()),
        legend=[_legend(table, index, shares[index]) for index in present(table, prediction.mask)],
        unexplained=unexplained,
        depths=[] if explanation is None else _depths(explanation),
        reads_coarser=explanation is not None and explanation.reads_coarser,
        skips=[] if explanation is None else _skips(explanation),
        pictured=SKIPS,
        cams=[] if explanation is None else [_cam(explanation, target) for target in targets],
        calibration=None if calibration is None else _calibration(calibration, calibrated_on),
        comparison=None if comparison is None else _comparison(image, comparison),
    )


def _legend(table: ClassTable, index: int, share: float) -> dict[str, Any]:
    return {"name": table.names[index], "color": f"rgb{table.colors[index]}", "share": share}


def _depths(explanation: Explanation) -> list[dict[str, Any]]:
    """From the image down: fine to coarse."""
    found = zip(explanation.depths, explanation.depth_pictures, strict=True)
    return [
        {
            "stride": depth.stride,
            "path": depth.path,
            "channels": depth.feature.shape[0],
            "size": "×".join(map(str, depth.feature.shape[1:])),
            "feature": inline(feature, "png"),
            "signal": inline(signal, "png"),
        }
        for depth, (_, feature, signal) in reversed(list(found))
    ]


def _skips(explanation: Explanation) -> list[dict[str, Any]]:
    """All skip connections, the first ones with a picture."""
    return [
        {
            "path": effect.path,
            "stride": effect.stride,
            "change": effect.mean_change,
            "moved": effect.moved_share,
            "most": float(effect.change.max()),
            "picture": _skip_picture(explanation.image, effect) if rank < SKIPS else None,
        }
        for rank, effect in enumerate(explanation.skips)
    ]


def _skip_picture(image: ExplainedImage, effect: SkipEffect) -> str:
    change = effect.change.cpu().numpy()
    return inline(heat_over(image.picture, change / (change.max() or 1)), "jpeg")


def _cam(explanation: Explanation, target: Target) -> dict[str, Any]:
    image, prediction = explanation.image, explanation.prediction
    x, y = at = image.pixel(*target.pixel)
    return {
        "name": prediction.table.names[target.class_index],
        "predicted": prediction.table.names[prediction.mask[y, x]],
        "x": target.pixel[0],
        "y": target.pixel[1],
        "probability": float(prediction.probabilities[target.class_index, y, x]),
        "image": inline(circled(image.picture, at), "jpeg"),
        "feature": inline(explanation.cam_picture(target.class_index, at, "feature"), "jpeg"),
        "signal": inline(explanation.cam_picture(target.class_index, at, "signal"), "jpeg"),
    }


def _calibration(found: Calibration, images: str) -> dict[str, Any]:
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes, below = figure.subplots(2, height_ratios=(4, 1), sharex=True)
    filled = np.maximum(found.pixels, 1)
    plot_reliability(
        axes,
        below,
        pixels=found.pixels.tolist(),
        confidence=(found.confidence / filled).tolist(),
        accuracy=(found.correct / filled).tolist(),
    )
    return {
        "images": images,
        "bins": len(found.pixels),
        "svg": inline_svg(figure),
        "error": found.error,
        "accuracy": found.accuracy,
        "confidence": found.mean_confidence,
        "pixels": found.count,
    }


def _comparison(image: ExplainedImage, comparison: Comparison) -> dict[str, Any]:
    found, table = comparison.found, comparison.table
    painted = overlay(image.picture, comparison.prediction, table)
    return {
        "model": comparison.model,
        "painted": inline(painted, "jpeg"),
        "pixels": inline(heat_over(image.picture, found.pixels.astype(np.float32)), "png"),
        "share": found.share,
        "changes": found.changes,
        "legend": [_legend(table, index, 0) for index in present(table, comparison.prediction)],
    }
