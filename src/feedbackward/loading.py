"""`load`: a trained network, ready to predict, from a saved folder, a checkpoint, an exported file or the hub.

It also loads an adapter, or several on one backbone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from feedbackward.errors import InputError
from feedbackward.exporting.exported import is_exported, load_exported
from feedbackward.exporting.formats import SUFFIXES
from feedbackward.machine import choose_device
from feedbackward.segmenters.predictor import Predictor, TaskPredictor
from feedbackward.segmenters.segmenter import Segmenter


def load(
    model: str | Path | Sequence[str | Path],
    *,
    backbone: str | Path | None = None,
    device: str = "auto",
    probabilities: bool = True,
    **options: Any,
) -> Predictor | TaskPredictor:
    """Load a trained network to call it with images.

    Args:
        model: A folder that save_pretrained wrote, a checkpoint (.ckpt) of `feedbackward fit`, a file of `feedbackward
            export`, an adapter, by its file or a name of list_adapters(), or the id of a network on the Hugging Face
            hub. A path that exists takes precedence. A list of adapters runs on one backbone in one pass.
        backbone: The weights of an adapter's encoder: a file, or the folder of a saved network; by default timm's
            pretrained ones, from the hub or its cache.
        device: As PyTorch names it, such as "cpu", "cuda:1" or "mps"; "auto" is the accelerator if there is one. An
            exported file always runs on the device of its format.
        probabilities: Whether results have the probabilities of all classes: 4 bytes for each pixel and class.
        options: Further options of Predictor: resize, augment, crf, tiles, thresholds.

    Returns:
        The predictor. Its `segmenter` is the network itself, optimized if possible, or the exported file. For a list of
        adapters, a network whose classes overlap, or a file exported from either, it is a TaskPredictor, which returns
        a dictionary of results.

    Raises:
        InputError: If there is no such model, it cannot be loaded, or the device is not available or not the file's.

    Example:
        >>> result = load("runs/camvid/model")("street.jpg")  # doctest: +SKIP
        >>> result.shares  # doctest: +SKIP
        {'road': 0.41, 'building': 0.33, 'sky': 0.26}
    """
    segmenter = load_segmenter(model, backbone=backbone, device=device)
    kind = TaskPredictor if getattr(segmenter, "tasks", ()) else Predictor
    return kind(segmenter, probabilities=probabilities, **options)


def load_segmenter(
    model: str | Path | Sequence[str | Path],
    *,
    backbone: str | Path | None = None,
    device: str = "auto",
    at_once: int = 1,
) -> Segmenter:
    """Load a trained network, optimized if possible, or an exported file, in evaluation mode.

    For an exported file torch is imported only if its runtime needs it. Arguments and errors are those of `load`;
    at_once is for an exported file, see load_exported.
    """
    if not isinstance(model, str | Path):
        import torch

        from feedbackward.models.adapted import load_tasks

        tasks = load_tasks(model, backbone=backbone).to(memory_format=torch.channels_last)
        return tasks.to(choose_device(device))
    path = Path(model)
    if is_exported(path) and not path.is_dir():
        own = SUFFIXES[path.suffix].device
        if backbone is not None:
            raise InputError(f"{path} contains its encoder; omit the backbone, which is for adapters")
        if device not in ("auto", own):
            raise InputError(f"{path} runs on device {own}, not on {device}; omit the device")
        return load_exported(path, at_once=at_once)
    from feedbackward.models import Feedbackward, optimize
    from feedbackward.models.saved import load_network

    chosen = choose_device(device)
    network = load_network(model, backbone=backbone)
    return (optimize(network) if isinstance(network, Feedbackward) else network).to(chosen).eval()
