"""Several trainings side by side: the options that differ, curves, scores by class and the same images."""

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.data import Dataset

from feedbackward.data.cityscapes import CityscapesDataset
from feedbackward.data.datamodule import Item
from feedbackward.data.pairs import PairDataset
from feedbackward.errors import InputError, listed
from feedbackward.metrics.scores import percent
from feedbackward.plain_data import Form, check_form
from feedbackward.text_files import parse_yaml, read_json, read_text
from feedbackward.training.panels import Panels
from feedbackward.training.pictures import spread
from feedbackward.training.portable import OUTPUTS, flat
from feedbackward.training.run_folder import RunFolder
from feedbackward.viz.charts import Curve, inline_svg, plot_curves
from feedbackward.viz.pages import duration, inline, render_page


@dataclass(frozen=True)
class Run:
    """A training that has finished at least one validation.

    Args:
        name: The name of its folder.
        folder: The folder.
        metrics: The content of metrics.json.
        options: The configuration, by dotted names.
    """

    name: str
    folder: RunFolder
    metrics: dict[str, Any]
    options: dict[str, Any]


_ADVICE = "restore the file, or train again"
_SCORES: Form = {"epoch": int, "scalars": {"mean_iou": (float, None)}, "per_class": {"iou": {}}, "names": [str]}
_METRICS: Form = {
    "best": (_SCORES, None),
    "epochs": int,
    "parameters": int,
    "training_seconds": float,
    "curves": [{"epoch": int}],
}
"""What is compared of metrics.json."""


def read_runs(paths: Sequence[Path]) -> list[Run]:
    """Read run folders.

    Raises:
        InputError: If one is not a run folder, has no scores yet or a damaged file, or two have one name.
    """
    runs = []
    for path in paths:
        folder = RunFolder(path)
        for file in (folder.metrics, folder.config):
            if not file.is_file():
                raise InputError(f"{path} is not the folder of a training: {file.name} is missing")
        metrics = read_json(folder.metrics, advice=_ADVICE)
        _check_metrics(metrics, folder.metrics)
        if metrics["best"] is None:
            raise InputError(f"the training in {path} has not been validated yet; compare it later")
        config = parse_yaml(read_text(folder.config, expected="a configuration"), folder.config)
        check_form(config, {}, source=folder.config, advice=_ADVICE)
        options = dict(flat(config))
        runs.append(Run(Path(os.path.realpath(path)).name, folder, metrics, options))
    names = [run.name for run in runs]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"two runs are named {repeated[0]}; rename one of the folders")
    return runs


def _check_metrics(metrics: Any, source: Path) -> None:
    """Check what is compared of metrics.json, also the values whose names depend on the training.

    Raises:
        InputError: If something is missing, or a value is of another type or not finite.
    """
    check_form(metrics, _METRICS, source=source, advice=_ADVICE)
    tables = {"": {name: metrics[name] for name in ("epochs", "parameters", "training_seconds")}}
    if (best := metrics["best"]) is not None:
        tables |= {"best.scalars": best["scalars"], "best.per_class.iou": best["per_class"]["iou"]}
    tables |= {f"curves[{index}]": record for index, record in enumerate(metrics["curves"])}
    for name, values in tables.items():
        check_form(values, dict.fromkeys(values, (float, None)), source=source, advice=_ADVICE, name=name)
        for key, value in values.items():
            # A whole number can be larger than any float, for which math.isfinite fails.
            if value is not None and not abs(value) <= sys.float_info.max:
                what = f"{name}.{key}".lstrip(".")
                raise InputError(f"{source}: {what} is {value!r:.60}; expected a finite number: {_ADVICE}")


def differing_options(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The values of each option that differs between the runs, by name; None where a run does not have it."""
    names = dict.fromkeys(name for run in runs for name in run.options if name not in OUTPUTS)
    values = {name: [run.options.get(name) for run in runs] for name in names}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found)}


@dataclass(frozen=True)
class CommonScenes:
    """The images that several data sets have in common, by name.

    Args:
        indices: Some of them, evenly spread; for each its index in every data set.
        differing: The names that all data sets have, but of different images.
    """

    indices: dict[str, tuple[int, ...]]
    differing: tuple[str, ...]

    @property
    def note(self) -> str:
        """What was left out; empty if nothing was."""
        if not self.differing:
            return ""
        return (
            f"left out: images that have the same name in all runs, but are different images "
            f"({len(self.differing)}): {listed(self.differing)}"
        )


def common_scenes(datasets: Sequence[Dataset[Item]], *, count: int) -> CommonScenes:
    """Find images that all data sets have: of the same name, and equal in their files, or in pixels without files.

    Args:
        datasets: The data sets.
        count: The largest number of images to choose.
    """
    digests = [_digests(dataset) for dataset in datasets]
    places = [{name: index for index, name in enumerate(of_one)} for of_one in digests]
    shared = [name for name in digests[0] if all(name in of_one for of_one in digests)]
    same = [name for name in shared if len({of_one[name] for of_one in digests}) == 1]
    differing = tuple(name for name in shared if len({of_one[name] for of_one in digests}) > 1)
    return CommonScenes(
        indices={same[i]: tuple(place[same[i]] for place in places) for i in spread(len(same), count)},
        differing=differing,
    )


def _digests(dataset: Dataset[Item]) -> dict[str, str]:
    """A digest of each image by name, in the order of the data set."""
    if isinstance(dataset, PairDataset | CityscapesDataset):  # without decoding anything
        return {pair.name: hashlib.sha256(pair.image.read_bytes()).hexdigest() for pair in dataset.pairs}
    items = (dataset[index] for index in range(len(cast(Sized, dataset))))
    return {item["name"]: _digest(item["image"]) for item in items}


def _digest(image: Tensor) -> str:
    return hashlib.sha256(f"{tuple(image.shape)}".encode() + image.numpy().tobytes()).hexdigest()


def render_comparison(runs: Sequence[Run], panels: Sequence[Mapping[str, Panels]], *, note: str = "") -> str:
    """Render the comparison as one self-contained HTML file.

    Args:
        runs: The runs.
        panels: The pictures of each run by the names of the scenes, which are the same for all.
        note: What to say about the scenes.
    """
    best = [run.metrics["best"] for run in runs]
    classes = dict.fromkeys(name for scores in best for name in scores["names"])
    return render_page(
        Path(__file__).with_name("comparison.html.jinja"),
        runs=runs,
        percent=percent,
        duration=duration,
        options=differing_options(runs),
        charts={
            "mean IoU on val, %": _chart(runs, "val/mean_iou", factor=100),
            "training loss": _chart(runs, "train/loss", factor=1),
        },
        classes={name: [scores["per_class"]["iou"].get(name) for scores in best] for name in classes},
        scenes={
            name: {
                "image": inline(panels[0][name].image, "jpeg"),
                "truth": inline(panels[0][name].truth, "png"),
                "predictions": {
                    run.name: inline(of_run[name].prediction, "png") for run, of_run in zip(runs, panels, strict=True)
                },
            }
            for name in panels[0]
        },
        note=note,
    )


def _chart(runs: Sequence[Run], key: str, *, factor: float) -> str:
    figure = Figure(figsize=(5.6, 3.4), layout="constrained")
    axes = figure.subplots()
    plot_curves(
        axes,
        [
            Curve(
                label=run.name,
                points=[
                    (epoch["epoch"], epoch[key] * factor)
                    for epoch in run.metrics["curves"]
                    if epoch.get(key) is not None
                ],
            )
            for run in runs
        ],
    )
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    return inline_svg(figure)
