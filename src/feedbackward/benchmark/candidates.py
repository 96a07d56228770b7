"""The networks that a benchmark compares, ours and those of other libraries, each under one name."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import torch

from feedbackward.benchmark.names import FORMS
from feedbackward.benchmark.peers import FAILURES, EncoderAlone, SmpNetwork, TorchvisionNetwork
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError, is_out_of_memory, nearest, one_line
from feedbackward.models import SegmentationNetwork, create_model, list_models
from feedbackward.models.saved import load_network

FIXED = {
    "classes": "all networks have the same number of classes",
    "in_channels": "the benchmark's images have 3 channels",
    "encoder_weights": "networks have random weights; for trained ones, give the path of a saved network",
}
"""The options of networks that a name does not choose, and why."""
OUR_OPTIONS = (*(field.name for field in fields(DecoderConfig)), "encoder_norm", "freeze_encoder", "encoder_name")


DEFAULT_SIZE = (512, 1024)
"""Height and width of the images, if no trained network resizes them."""


def images_seen(names: Sequence[str]) -> tuple[tuple[int, int], str]:
    """Height and width of the images to time networks with, as the first trained network sees images of 512x1024.

    Args:
        names: Names as described by GRAMMAR.

    Returns:
        The size, and a line that says so if it is that of a trained network; otherwise the line is empty.

    Raises:
        InputError: If a trained network cannot be loaded, or its images are not RGB.
    """
    size, line = DEFAULT_SIZE, ""
    for name in reversed([name for name in names if _is_path(name)]):
        preprocessing = load_network(name).preprocessing
        if preprocessing.in_channels != 3:
            raise InputError(
                f"{name} takes images of {preprocessing.in_channels} channels; the benchmark's images have 3"
            )
        if preprocessing.resize:
            size = preprocessing.resize.output_size(DEFAULT_SIZE)
            line = f"images of {size[0]}x{size[1]}, as {name} sees images of {DEFAULT_SIZE[0]}x{DEFAULT_SIZE[1]}"
    return size, line


def create_candidate(name: str, *, classes: int = 19) -> SegmentationNetwork:
    """Build a network with random weights, or load a trained one.

    Args:
        name: A name as described by GRAMMAR.
        classes: Number of classes; a trained network keeps its own.

    Raises:
        InputError: If there is no such network, or it does not have an option.
    """
    if _is_path(name):
        return load_network(name)
    address, mark, query = name.partition("?")
    source, *names = ["feedbackward", address] if address in list_models() else address.split("/")
    if source not in SOURCES or len(names) != SOURCES[source].names:
        raise InputError(_unknown(name, address))
    options = _parse_options(name, query) if mark else {}
    checkpointing = options.pop("grad_checkpointing", False)
    if not isinstance(checkpointing, bool):
        raise InputError(f"{name}: grad_checkpointing={checkpointing!r}; expected true or false")
    _check_options(address, options, SOURCES[source].options)
    torch.manual_seed(0)
    network = SOURCES[source].build(*names, classes=classes, **options)
    if checkpointing:
        network.set_grad_checkpointing()
    return network.eval()


@contextmanager
def explaining_run(name: str, batch: int, size: tuple[int, int]) -> Iterator[None]:
    """Turn errors of a network that it has only when it runs into InputErrors.

    Args:
        name: Its name.
        batch: The number of images.
        size: Their height and width.
    """
    try:
        yield
    except InputError:
        raise
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        images = f"{batch} image{'s' if batch > 1 else ''} of {size[0]}x{size[1]}"
        raise InputError(
            f"{name} does not run on {images} ({one_line(error)}); give images of another size or number, or the "
            f"network other options"
        ) from error


def _is_path(name: str) -> bool:
    """Whether a trained network is meant; the path "" would be the current folder."""
    return bool(name) and Path(name).exists()


def _unknown(name: str, address: str) -> str:
    """The message about a name that is neither that of a network nor a path."""
    if _is_path(address):
        return f"{name}: a saved network has no options; give {address}"
    path = Path(address)
    if address.split("/")[0] not in SOURCES and (path.name != address or path.suffix):
        return f"no such file or folder: {address}; expected {FORMS}"
    return f"unknown network {name!r}; expected {FORMS}"


def _parse_options(name: str, query: str) -> dict[str, Any]:
    """The options after the question mark, NAME=VALUE&NAME=VALUE."""
    options: dict[str, Any] = {}
    for part in query.split("&"):
        option, _, text = map(unquote, part.partition("="))
        if not option or not text:
            raise InputError(f"{name}: option {part!r}; expected NAME=VALUE, with & between two of them")
        if option in options:
            raise InputError(f"{name}: {option} is given twice, as {options[option]!r} and {text!r}; omit one")
        options[option] = _value(text)
    return options


def _check_options(address: str, options: dict[str, Any], known: Sequence[str] | None) -> None:
    for option in options:
        if option in FIXED:
            raise InputError(f"{address} with {option}={options[option]!r}: {FIXED[option]}; omit {option}")
        if known is not None and option not in known:
            advice = nearest(option, [*known, "grad_checkpointing"]) if known else "omit it"
            raise InputError(f"{address} has no option {option!r}; {advice}")


def _create(name: str, **options: Any) -> SegmentationNetwork:
    """One of our networks; decoder options are passed like its other options."""
    for option in ("encoder_name", "encoder_norm"):
        if not isinstance(options.get(option, ""), str):
            raise InputError(f"{option}={options[option]!r}: expected a name")
    freeze = options.get("freeze_encoder", False)
    if not isinstance(freeze, bool) and freeze != "weights":
        raise InputError(f"freeze_encoder={freeze!r}: expected true, false or weights")
    decoder = {field.name: options.pop(field.name) for field in fields(DecoderConfig) if field.name in options}
    config = DecoderConfig(**decoder) if decoder else None
    return create_model(name, encoder_weights=None, decoder=config, **options)


def _create_smp(architecture: str, encoder: str, /, **options: Any) -> SegmentationNetwork:
    for option in ("architecture", "encoder_name"):
        if option in options:
            raise InputError(f"{option}={options[option]!r}: smp/{architecture}/{encoder} says it already; omit it")
    return SmpNetwork(architecture, encoder, encoder_weights=None, **options)


def _value(text: str) -> Any:
    """An option's value: JSON where it is valid JSON, else text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


@dataclass(frozen=True)
class Source:
    """A library whose networks a name can choose.

    Args:
        names: The number of names after that of the source.
        build: Builds a network from these, the number of classes and options.
        options: The options that it has; None if `build` refuses those that it does not have.
    """

    names: int
    build: Callable[..., SegmentationNetwork]
    options: tuple[str, ...] | None = ()


SOURCES = {
    "feedbackward": Source(1, _create, OUR_OPTIONS),
    "smp": Source(2, _create_smp, None),
    "torchvision": Source(1, TorchvisionNetwork),
    "timm": Source(1, EncoderAlone),
}
