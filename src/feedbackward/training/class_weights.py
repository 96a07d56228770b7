"""Class weights from the masks of a training set, for losses that take weights."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from feedbackward.classes import ClassTable
from feedbackward.data.datamodule import Item
from feedbackward.data.pairs import PairDataset
from feedbackward.errors import InputError, listed

Scheme = Literal["inverse_frequency", "median_frequency", "effective_number"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
BETA = 0.999
"""Of the effective number (Cui et al., 2019), with the pixels of an average image as one sample."""


def weights_from_masks(masks: Iterable[NDArray[Any]], table: ClassTable, scheme: Scheme) -> Tensor:
    """The weight of each class; their mean over the pixels of the data set is 1. Classes that never occur have 0.

    Args:
        masks: Class indices (H, W), and the table's ignore_index.
        table: The classes.
        scheme: "inverse_frequency": 1 over the pixels of a class. "median_frequency" (Eigen and Fergus, 2015): 1 over
            its share of the pixels of the images in which it occurs. "effective_number" (Cui et al., 2019): 1 over
            1 - BETA ** n, where n is the number of its pixels in average images.

    Raises:
        InputError: If no pixel has a class, or classes overlap.

    Example:
        >>> table = ClassTable(("wall", "crack"), ((0, 0, 0), (255, 0, 0)))
        >>> weights_from_masks([np.array([[0, 0, 0, 1]])], table, "inverse_frequency")
        tensor([0.6667, 2.0000])
    """
    if table.overlapping:
        raise InputError(
            "class weights are for classes that do not overlap; omit them, and use a loss with weights of absence and "
            "presence, such as CrossEntropyLoss with weight [1, 5]"
        )
    counts = np.array([np.bincount(mask.ravel(), minlength=256)[: len(table)] for mask in masks], np.float64)
    pixels = counts.sum(axis=0)
    if not pixels.any():
        raise InputError("the training masks have no pixel of any class; class weights need some")
    if scheme == "median_frequency":
        amount = pixels / ((counts > 0) * counts.sum(axis=1, keepdims=True)).sum(axis=0).clip(min=1)
    elif scheme == "effective_number":
        amount = 1 - BETA ** (pixels / counts.sum(axis=1).mean())
    else:
        amount = pixels
    weights = np.divide(1, amount, out=np.zeros_like(pixels), where=pixels > 0)
    return torch.tensor(weights * pixels.sum() / (weights * pixels).sum(), dtype=torch.float32)


def read_masks(dataset: Dataset[Item]) -> Iterator[NDArray[Any]]:
    """The masks of a training set, as they are stored where they are in files."""
    if isinstance(dataset, PairDataset):
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            yield from pool.map(dataset.read_mask, range(len(dataset)))
        return
    for index in range(len(dataset)):  # type: ignore[arg-type]
        yield dataset[index]["mask"].numpy()


def set_class_weights(loss: nn.Module, weights: Tensor) -> None:
    """Give a loss class weights.

    Raises:
        InputError: If no part of it takes weights, or one has some already.
    """
    parts = [part for part in loss.modules() if "weight" in part._buffers]
    if not parts:
        names = listed(sorted({type(part).__name__ for part in loss.modules()}))
        raise InputError(f"the loss ({names}) takes no class weights; omit them, or use one with CrossEntropyLoss")
    if any(part.weight is not None for part in parts):
        raise InputError("the loss has class weights already; omit these, or those of the loss")
    for part in parts:
        part.weight = weights.clone()
