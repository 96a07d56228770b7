"""How a network sees images: their channels, the range of their values, resizing, and normalization.

It uses only methods that PyTorch tensors and NumPy arrays share, so that neither has to import the other.
"""

import math
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from feedbackward.errors import InputError, listed

if TYPE_CHECKING:
    from torch import Tensor

Images = TypeVar("Images", "Tensor", NDArray[Any])
"""Images (N, C, H, W) or one image (C, H, W), as a tensor or an array."""

Channels: TypeAlias = Literal["gray", "RGB", "BGR"] | int
"""The channels of a network's images and their order; a number for that many bands of any kind."""

Range: TypeAlias = tuple[float, float]
"""The values that become 0 and 1."""

LONGEST_SIDE = 1 << 20
"""The most pixels of a side to which images are resized: more is a slip of the keyboard."""
_OWN_RANGES: dict[str, Range] = {"uint8": (0, 255), "uint16": (0, 65535)}


@dataclass(frozen=True, kw_only=True)
class Resize:
    """How images are resized for a network; by default not at all. At most one option can be given.

    Args:
        size: Height and width in pixels; the proportions may change.
        scale: Factor of height and width.
        longest_side: Length of the longer side in pixels; the proportions are kept.
        shortest_side: Length of the shorter side in pixels; the proportions are kept.

    Raises:
        InputError: If several options are given, or a value is not positive.

    Example:
        >>> Resize(longest_side=320).output_size((720, 1280))
        (180, 320)
    """

    size: tuple[int, int] | None = None
    scale: float | None = None
    longest_side: int | None = None
    shortest_side: int | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if len(given) > 1:
            raise InputError(f"resizing: {' and '.join(given)} exclude each other; give one of them")
        for name, value in given.items():
            if name == "size":
                valid, expected = _is_size(value), f"[height, width], both from 1 to {LONGEST_SIDE}"
            elif name == "scale":
                valid, expected = _is_finite(value) and value > 0, "a positive number"
            else:
                valid, expected = _is_length(value), f"a whole number of pixels, from 1 to {LONGEST_SIDE}"
            if not valid:
                raise InputError(
                    f"{name} is {list(value) if isinstance(value, tuple) else value!r}; expected {expected}"
                )

    def __bool__(self) -> bool:
        return self != Resize()

    def __str__(self) -> str:
        if self.size is not None:
            return f"resized to {self.size[0]}x{self.size[1]} (height x width)"
        if self.scale is not None:
            return f"scaled by {self.scale:g}"
        if self.longest_side is not None:
            return f"resized to a longest side of {self.longest_side}"
        if self.shortest_side is not None:
            return f"resized to a shortest side of {self.shortest_side}"
        return "not resized"

    def output_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The height and width to which an image of that height and width is resized, at least 1 each.

        Raises:
            InputError: If a side would be longer than LONGEST_SIDE.
        """
        if self.size is not None:
            return self.size
        factor = 1.0
        if self.scale is not None:
            factor = self.scale
        elif self.longest_side is not None:
            factor = self.longest_side / max(size)
        elif self.shortest_side is not None:
            factor = self.shortest_side / min(size)
        if factor * max(size) > LONGEST_SIDE:
            raise InputError(
                f"an image of {size[0]}x{size[1]} would be {self}, to more than {LONGEST_SIDE} pixels; resize less"
            )
        return scale_size(size, factor)


@dataclass(frozen=True)
class Preprocessing:
    """How the images of a network are read, resized and normalized; saved with it and applied by all that feeds it.

    Args:
        mean: The mean of each channel, subtracted from images in [0, 1].
        std: The standard deviation of each channel, by which the difference is divided.
        channels: The channels in their order, "gray", "RGB" or "BGR", or a number of bands. By default "RGB" for three
            channels, "gray" for one, otherwise their number.
        value_range: The values that become 0 and 1; if None, those of the image's type: 0 to 255 for 8 bits, 0 to
            65535 for 16 bits, 0 to 1 for floating point.
        resize: How images are resized for the network; its scores are interpolated to the image's own size.

    Raises:
        InputError: If the numbers of values and channels differ, a deviation is not positive, or the range is empty.

    Example:
        >>> Preprocessing((0.5,), (0.25,))(np.ones((1, 1, 2), np.float32)).tolist()
        [[[2.0, 2.0]]]
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: Channels = 0
    value_range: Range | None = None
    resize: Resize = Resize()

    def __post_init__(self) -> None:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if not (isinstance(values, tuple) and all(map(_is_finite, values))):
                found = list(values) if isinstance(values, tuple | str) else values
                raise InputError(f"preprocessing: {name} is {found!r}; expected a finite number for each channel")
        if self.channels == 0 and not isinstance(self.channels, bool):
            object.__setattr__(self, "channels", default_channels(len(self.mean)))
        if not len(self.mean) == len(self.std) == self.in_channels:
            raise InputError(
                f"preprocessing: {len(self.mean)} means and {len(self.std)} deviations for channels "
                f"{self.channels}; expected {self.in_channels} each"
            )
        if not all(value > 0 for value in self.std):
            raise InputError(f"preprocessing: std is {list(self.std)}; expected positive deviations")
        check_range(self.value_range)

    @classmethod
    def identity(cls, channels: Channels) -> "Preprocessing":
        """No normalization: the images of the network are in [0, 1]."""
        count = channel_count(channels)
        return cls((0.0,) * count, (1.0,) * count, default_channels(channels) if channels == count else channels)

    @property
    def in_channels(self) -> int:
        """The number of channels."""
        return channel_count(self.channels)

    def without_normalization(self) -> "Preprocessing":
        """The same reading and resizing, with mean 0 and deviation 1 and colors in the order of files, RGB."""
        channels = "RGB" if self.channels == "BGR" else self.channels
        return replace(Preprocessing.identity(channels), value_range=self.value_range, resize=self.resize)

    def reading_as(self, other: "Preprocessing") -> "Preprocessing":
        """This normalization, with the channels, the range and the resizing of another preprocessing.

        Raises:
            InputError: If the numbers of channels differ.
        """
        if self.in_channels != other.in_channels:
            raise InputError(
                f"the network takes images of {self.in_channels} channels, and the data is read as {other.channels}: "
                f"{other.in_channels} channels"
            )
        reverse = (self.channels == "BGR") != (other.channels == "BGR")
        mean, std = (values[::-1] if reverse else values for values in (self.mean, self.std))
        return replace(other, mean=mean, std=std)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; from_dict is its inverse."""
        resize = {name: value for name, value in asdict(self.resize).items() if value is not None}
        return {
            "mean": list(self.mean),
            "std": list(self.std),
            "channels": self.channels,
            "value_range": None if self.value_range is None else list(self.value_range),
            "resize": {name: list(value) if name == "size" else value for name, value in resize.items()},
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Preprocessing":
        """Build the preprocessing from the plain data of to_dict, which may have been edited by hand.

        Raises:
            InputError: If the data is anything else, or describes no preprocessing.
        """
        _check_keys(data, cls, "preprocessing", needed=True)
        _check_keys(data["resize"], Resize, "resize", needed=False)
        tuples = {name: _as_tuple(data[name]) for name in ("mean", "std", "value_range")}
        resize = {name: _as_tuple(value) for name, value in data["resize"].items()}
        return cls(**{**data, **tuples, "resize": Resize(**resize)})

    def __call__(self, image: Images) -> Images:
        """Normalize floating-point images (..., channels, H, W) in [0, 1], RGB if they have colors; keeps the shape.

        With mean 0 and deviation 1 the images themselves are returned.
        """
        if self.channels == "BGR":
            image = image[..., [2, 1, 0], :, :]
        if not any(self.mean) and set(self.std) == {1}:  # exported files normalize images themselves
            return image
        normalized: Images = (image - _per_channel(self.mean, image)) / _per_channel(self.std, image)
        return normalized


def channel_count(channels: Channels) -> int:
    """The number of channels.

    Raises:
        InputError: If it is not a positive number or a known name.

    Example:
        >>> channel_count("RGB"), channel_count(4)
        (3, 4)
    """
    counts = {"gray": 1, "RGB": 3, "BGR": 3}
    if isinstance(channels, str) and channels in counts:
        return counts[channels]
    if isinstance(channels, int) and not isinstance(channels, bool) and channels > 0:
        return channels
    raise InputError(f"channels is {channels!r}; expected gray, RGB, BGR or a number of bands")


def default_channels(count: int) -> Channels:
    """The usual kind of images with that number of channels: "gray" for 1, "RGB" for 3, otherwise the number."""
    names: dict[int, Channels] = {1: "gray", 3: "RGB"}
    return names.get(count, count)


def check_range(value_range: Range | None) -> None:
    """Refuse a range of values that is empty or not finite.

    Raises:
        InputError: If it is.
    """
    if value_range is None:
        return
    is_pair = isinstance(value_range, tuple | list) and len(value_range) == 2 and all(map(_is_finite, value_range))
    if not is_pair or value_range[0] >= value_range[1]:
        found = list(value_range) if isinstance(value_range, tuple) else value_range
        raise InputError(f"value_range is {found!r}; expected [lowest, highest], such as [0, 4095]")


def scale_size(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Multiply height and width by a factor and round, to at least one pixel.

    Example:
        >>> scale_size((361, 1), 0.25)
        (90, 1)
    """
    height, width = (max(1, round(length * factor)) for length in size)
    return height, width


def check_values(image: NDArray[Any], value_range: Range | None) -> None:
    """Refuse images whose values to_unit_range cannot scale; the arguments are its own.

    Raises:
        InputError: If the type is another one or cannot hold the range, or a value lies outside of it.
    """
    low, high = value_range or _own_range(image.dtype)
    if image.dtype.kind != "f":
        if image.dtype.name not in _OWN_RANGES:
            raise InputError(f"an image has values of type {image.dtype}; expected uint8, uint16 or floating point")
        least, most = _own_range(image.dtype)
        if low < least or high > most:
            raise InputError(
                f"an image of type {image.dtype} cannot have the values {low:g} to {high:g} that are expected; give "
                f"an image of more bits, or set another value range"
            )
    if image.size and not holds_all(value_range, image.dtype):
        least, most = float(image.min()), float(image.max())
        if not low <= least <= most <= high:  # nor nan
            raise InputError(
                f"an image of type {image.dtype} has values from {least:g} to {most:g}, expected {low:g} to {high:g}; "
                f"scale its values, or set another value range"
            )


def holds_all(value_range: Range | None, dtype: np.dtype[Any]) -> bool:
    """Whether a range holds every value of a type: then the values of an image need no check."""
    return dtype.name in _OWN_RANGES and tuple(value_range or _OWN_RANGES[dtype.name]) == _OWN_RANGES[dtype.name]


def to_unit_range(image: NDArray[Any], value_range: Range | None = None) -> NDArray[np.float32]:
    """Scale the values of images linearly to [0, 1].

    Args:
        image: Images of any shape: uint8, uint16 or floating point.
        value_range: The values that become 0 and 1; if None, the range of the type: 0 to 255, 0 to 65535, or for
            floating point 0 to 1.

    Returns:
        A copy in contiguous memory.

    Raises:
        InputError: As check_values.

    Example:
        >>> to_unit_range(np.array([0, 4095], np.uint16), (0, 4095)).tolist()
        [0.0, 1.0]
    """
    check_values(image, value_range)
    low, high = value_range or _own_range(image.dtype)
    scaled = np.array(image, np.float32, order="C")
    if low:
        scaled -= np.float32(low)
    if high - low != 1:
        scaled /= np.float32(high - low)
    return scaled


def to_resizable(image: NDArray[Any], value_range: Range | None) -> NDArray[Any]:
    """Images as they are resized: 8-bit values remain so until then, which is faster; others are scaled to [0, 1].

    After resizing, `to_unit_range` scales what is still 8-bit. Arguments and errors are those of to_unit_range.
    """
    if image.dtype == np.uint8 and value_range in (None, _OWN_RANGES["uint8"]):
        return image
    return to_unit_range(image, value_range)


def _own_range(dtype: np.dtype[Any]) -> Range:
    return _OWN_RANGES.get(dtype.name, (0, 1))


def _per_channel(values: tuple[float, ...], like: Any) -> Any:
    array = np.asarray(values, like.dtype) if isinstance(like, np.ndarray) else like.new_tensor(values)
    return array[:, None, None]


def _is_finite(value: object) -> bool:
    """Whether it is a finite number."""
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond those of floating point
        return False


def _is_length(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and 1 <= int(value) <= LONGEST_SIDE


def _is_size(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_length, value))


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check_keys(data: object, kind: type, what: str, *, needed: bool) -> None:
    """Refuse what is not a mapping of the fields of a dataclass; a misspelled key must not be passed over."""
    names = [field.name for field in fields(kind)]
    if not isinstance(data, dict) or set(data) - set(names) or (needed and set(names) - set(data)):
        found = listed(data) if isinstance(data, dict) else repr(data)
        raise InputError(f"{what} has {found or 'nothing'}; expected {listed(names)}")
