"""`load`: a segmenter from a saved folder, a checkpoint, an exported file or the hub."""

from pathlib import Path

from feedbackward.errors import InputError
from feedbackward.exporting.exported import is_exported, load_exported
from feedbackward.exporting.formats import SUFFIXES
from feedbackward.machine import choose_device
from feedbackward.segmenters.segmenter import Segmenter


def load(model: str | Path, *, device: str = "auto") -> Segmenter:
    """Load a segmenter: a trained network, optimized if possible, or an exported file.

    For an exported file torch is imported only if its runtime needs it.

    Args:
        model: A folder that save_pretrained wrote, a checkpoint (.ckpt) of `feedbackward fit`, a file of `feedbackward
            export`, or the id of a network on the Hugging Face hub. A path that exists takes precedence.
        device: As PyTorch names it, such as "cpu", "cuda:1" or "mps"; "auto" is the accelerator if there is one. An
            exported file always runs on the device of its format.

    Returns:
        The segmenter, in evaluation mode.

    Raises:
        InputError: If there is no such model, it cannot be loaded, or the device is not available or not the file's.

    Example:
        >>> load("runs/camvid/model").classes  # doctest: +SKIP
        11
    """
    path = Path(model)
    if is_exported(path) and not path.is_dir():
        own = SUFFIXES[path.suffix].device
        if device not in ("auto", own):
            raise InputError(f"{path} runs on device {own}, not on {device}; omit the device")
        return load_exported(path)
    from feedbackward.models import Feedbackward, optimize
    from feedbackward.models.saved import load_network

    chosen = choose_device(device)
    network = load_network(model)
    return (optimize(network) if isinstance(network, Feedbackward) else network).to(chosen).eval()
