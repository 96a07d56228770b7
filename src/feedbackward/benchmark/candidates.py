"""The networks that a benchmark compares, ours and those of other libraries, each under one name."""

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import torch

from feedbackward.benchmark.names import GRAMMAR
from feedbackward.benchmark.peers import EncoderAlone, SmpNetwork, TorchvisionNetwork
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.models import SegmentationNetwork, create_model, list_models
from feedbackward.models.saved import load_network

SOURCES: dict[str, tuple[int, Callable[..., SegmentationNetwork]]] = {
    "feedbackward": (1, lambda encoder, **options: _create(encoder, **options)),
    "smp": (
        2,
        lambda architecture, encoder, **options: SmpNetwork(architecture, encoder, encoder_weights=None, **options),
    ),
    "torchvision": (1, TorchvisionNetwork),
    "timm": (1, EncoderAlone),
}
"""The number of names after each source, and the function that builds a network from them."""


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
    for name in reversed([name for name in names if Path(name).exists()]):
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
    if Path(name).exists():
        return load_network(name)
    address, _, query = name.partition("?")
    options = {key: _value(text) for key, text in parse_qsl(query, strict_parsing=bool(query))}
    checkpointing = options.pop("grad_checkpointing", False)
    torch.manual_seed(0)
    network = _build(address, name, classes=classes, **options)
    if checkpointing:
        network.set_grad_checkpointing()
    return network.eval()


def _build(address: str, name: str, **options: Any) -> SegmentationNetwork:
    if address in list_models():
        return _create(address, **options)
    source, *names = address.split("/")
    count, build = SOURCES.get(source, (None, None))
    if build is None or len(names) != count:
        raise InputError(f"unknown network {name!r}; expected one of these forms:\n{GRAMMAR}")
    try:
        return build(*names, **options)
    except TypeError as error:
        raise InputError(f"{name}: {error}") from error


def _create(name: str, **options: Any) -> SegmentationNetwork:
    """One of our networks; decoder options are passed like its other options."""
    decoder = {field.name: options.pop(field.name) for field in fields(DecoderConfig) if field.name in options}
    config = DecoderConfig(**decoder) if decoder else None
    return create_model(name, encoder_weights=None, decoder=config, **options)


def _value(text: str) -> Any:
    """An option's value: JSON where it is valid JSON, else text."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
