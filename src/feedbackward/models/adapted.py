"""Networks from adapters: the backbone's weights from timm or a file, and what was trained on them from the adapter."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from feedbackward.adapters import find_adapter
from feedbackward.errors import InputError
from feedbackward.hub_files import ADAPTER_FILE, CONFIG_FILE, fetch, is_hub_id, split_revision
from feedbackward.models.adapter import check_tensors, fill, read_adapter
from feedbackward.models.encoder import IMAGENET, NoWeightsError
from feedbackward.models.feedbackward import Feedbackward
from feedbackward.models.hub import build_described
from feedbackward.models.image_classifier import ImageClassifier
from feedbackward.models.origin import UNKNOWN, origin_of
from feedbackward.models.tasks import TaskNetwork, same_tensors


def load_adapter(adapter: str | os.PathLike[str], *, backbone: str | os.PathLike[str] | None = None) -> Feedbackward:
    """Load the network of an adapter.

    Args:
        adapter: The file that save_adapter has written, a name of list_adapters(), or the id of an adapter on the hub,
            OWNER/NAME or OWNER/NAME@REVISION. A path that exists takes precedence.
        backbone: A file with the weights of its encoder, or the folder of a saved network that contains them; by
            default timm's pretrained weights, from the hub or its cache.

    Returns:
        The network in evaluation mode. Its encoder stays frozen, so that it can be trained on.

    Raises:
        InputError: If there is no such adapter, it is damaged, its backbone is not available, or the weights given are
            others than those that it was trained on.

    Example:
        >>> load_adapter("coffee_leaves").class_table.names  # doctest: +SKIP
        ('background', 'leaf', 'symptom')
    """
    read = read_adapter(adapter_file(adapter))
    if backbone is not None and not Path(backbone).exists():
        raise InputError(f"no such backbone: {backbone}; give a file with the weights of the adapter's encoder")
    try:
        network = build_described(
            read.description,
            source=read.path,
            encoder_weights=backbone or IMAGENET,
            check=partial(check_tensors, adapter=read),
        )
    except NoWeightsError as error:
        raise InputError(
            f"{read.path.stem} runs on timm's pretrained weights of {read.description['encoder_name']}, which are not "
            f"in the cache, and the hub cannot be reached ({error.reason}); connect once so that they are cached, or "
            f"give a file of them as the backbone"
        ) from error
    assert isinstance(network, Feedbackward)
    fill(network, read)
    if network.origin == UNKNOWN:  # trained on a file; the same weights may come from timm here
        network.origin = origin_of(network.config["encoder_name"], backbone or IMAGENET)
    return network.eval()


def adapter_file(adapter: str | os.PathLike[str]) -> Path:
    """The file of an adapter, by its path, its name or its id on the hub.

    Raises:
        InputError: If there is none.
    """
    name = os.fspath(adapter)
    if Path(name).exists() or not is_hub_id(name):
        return find_adapter(name)
    folder = fetch(name)
    if not has_adapter(folder):
        raise InputError(f"{name!r} contains no {ADAPTER_FILE}, so it is not an adapter; a network loads with fb.load")
    return folder / ADAPTER_FILE


def has_adapter(folder: Path) -> bool:
    """Whether what a repository contains is an adapter."""
    return (folder / ADAPTER_FILE).is_file() and not (folder / CONFIG_FILE).exists()


def _task_name(adapter: str) -> str:
    if Path(adapter).exists() or not is_hub_id(adapter):
        return Path(adapter).stem
    return split_revision(adapter)[0].rpartition("/")[2]


def described_by(adapter: str | os.PathLike[str]) -> Feedbackward:
    """The network of an adapter without its weights, on the meta device; errors as in load_adapter."""
    read = read_adapter(adapter_file(adapter))
    with torch.device("meta"):
        network = build_described(read.description, source=read.path)
    if not isinstance(network, Feedbackward):
        raise InputError(f"{read.path} does not describe a feedbackward network; only those have adapters")
    check_tensors(network, read)
    return network


def load_tasks(
    adapters: Sequence[str | os.PathLike[str]],
    *,
    backbone: str | os.PathLike[str] | None = None,
    classifier: bool = False,
) -> TaskNetwork:
    """Load several adapters on one backbone, whose encoder runs once for all of them.

    Args:
        adapters: Files, names or hub ids as in load_adapter; a task is named like its file or repository.
        backbone: As in load_adapter.
        classifier: Keep the encoder's own classifier, so that the classes of whole images, ImageNet's for timm's
            weights, come out unchanged.

    Raises:
        InputError: As load_adapter, if two tasks have one name, the adapters cannot share an encoder, or its classifier
            cannot be kept.

    Example:
        >>> network = load_tasks(["coffee_leaves", "nuclei"], classifier=True)  # doctest: +SKIP
        >>> {name: logits.shape for name, logits in network(image).items()}  # doctest: +SKIP
        {'coffee_leaves': (1, 3, 256, 512), 'nuclei': (1, 2, 256, 512), 'image_classes': (1, 1000)}
    """
    if isinstance(adapters, str | os.PathLike):
        raise InputError(f"adapters={os.fspath(adapters)!r}: expected a list of adapters")
    names = [_task_name(os.fspath(adapter)) for adapter in adapters]
    if duplicates := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"two adapters are named {duplicates[0]}; rename one of the files")
    networks = dict[str, Feedbackward]()
    for name, adapter in zip(names, adapters, strict=True):
        network = load_adapter(adapter, backbone=backbone)
        first = next(iter(networks.values()), network)
        if same_tensors(first.encoder, network.encoder):
            network.encoder = first.encoder  # so that one copy is in memory
        networks[name] = network
    kept = ImageClassifier(networks[names[0]], weights=backbone or IMAGENET) if classifier and names else None
    return TaskNetwork(networks, classifier=kept)
