"""A user's own augmentation: a function of arrays, or a transform of torchvision; what it returns is checked."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from feedbackward.errors import InputError, listed

_ROUNDING = 1e-3
"""How far values may lie outside of [0, 1]."""


def apply_own(
    own: Callable[..., Any],
    image: tv_tensors.Image,
    mask: tv_tensors.Mask,
    *,
    void: int,
    mask_type: DTypeLike = np.uint8,
) -> tuple[Tensor, Tensor]:
    """Apply a user's own transform to an image and its mask.

    The global generators of random and numpy are seeded from torch's while it runs, so that a function that uses them
    depends on torch's seed too.

    Args:
        own: A transform of torchvision.transforms.v2, which is given both tensors, or a function of an image (H, W, C)
            and a mask (H, W), which are arrays of its own; either returns both, of the same shape and type.
        image: (C, H, W), uint8, or float32 in [0, 1].
        mask: (H, W), int64; of classes that overlap (classes, H, W), also for a function.
        void: The value of void in masks.
        mask_type: The type of a function's mask, unless it cannot hold void.

    Returns:
        Image and mask, in the shape and type of the arguments.

    Raises:
        InputError: If something else is returned, or an image or a mask of another shape or type, an image with values
            outside of [0, 1], or a mask with a value that it did not have and that is not void.
    """
    name = getattr(own, "__qualname__", type(own).__name__)
    given: tuple[Any, Any] = image, mask
    if not isinstance(own, v2.Transform):
        kind = np.result_type(mask_type, np.min_scalar_type(void))
        pixels = np.array(image.as_subclass(Tensor).permute(1, 2, 0).numpy(), order="C")
        given = pixels, mask.as_subclass(Tensor).numpy().astype(kind)
    expected = [_form(each) for each in given]
    with _seeded():
        returned = own(*given)
    if not (isinstance(returned, tuple | list) and len(returned) == 2):
        found = f"{type(returned).__name__} of {len(returned)}" if hasattr(returned, "__len__") else repr(returned)
        raise InputError(f"augmentation: {name} returned {found}; expected a tuple (image, mask)")
    for what, each, form in zip(("an image", "a mask"), returned, expected, strict=True):
        if _form(each) != form:
            raise InputError(
                f"augmentation: {name} returned {what} that is {_form(each)}; expected {form}, as it was given. The "
                f"options size and crop change the size, and the network normalizes images itself"
            )
    changed, changed_mask = map(np.ascontiguousarray, returned)
    if not isinstance(own, v2.Transform):
        changed = changed.transpose(2, 0, 1)
    _check_range(changed, name)
    _check_values(changed_mask, mask.numpy(), void, name)
    return torch.from_numpy(changed), torch.from_numpy(changed_mask.astype(np.int64))


@contextmanager
def _seeded() -> Iterator[None]:
    """Seed the generators that are not torch's, and restore them."""
    seed = int(torch.randint(2**32, ()))
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _form(value: object) -> str:
    if isinstance(value, Tensor | np.ndarray):
        return f"{str(value.dtype).removeprefix('torch.')} of shape {list(value.shape)}"
    return f"of type {type(value).__name__}"


def _check_range(image: np.ndarray[Any, Any], name: str) -> None:
    if image.dtype == np.uint8:
        return
    least, most = float(image.min()), float(image.max())
    if not -_ROUNDING <= least <= most <= 1 + _ROUNDING:  # nor nan
        raise InputError(
            f"augmentation: {name} returned an image with values from {least:g} to {most:g}; expected 0 to 1: the "
            f"network normalizes images itself"
        )


def _check_values(mask: np.ndarray[Any, Any], given: np.ndarray[Any, Any], void: int, name: str) -> None:
    known = np.union1d(given, void)
    unknown = np.setdiff1d(mask, known)
    if unknown.size:
        raise InputError(
            f"augmentation: {name} returned a mask with the value{'s' * (unknown.size > 1)} "
            f"{listed(unknown.tolist(), most=5)}; expected those of the mask that it was given "
            f"({listed(np.setdiff1d(given, void).tolist())}) and {void} for void: change masks with nearest neighbor, "
            f"not with interpolation"
        )
