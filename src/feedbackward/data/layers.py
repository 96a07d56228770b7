"""Masks of classes that overlap: a file for each class, all of one name, in folders with the names of the classes."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from feedbackward.data.encodings import IndexEncoding
from feedbackward.data.masks import Mask, read_mask
from feedbackward.data.members import File
from feedbackward.errors import InputError, listed

WHITE = 255


class LayerEncoding:
    """Masks with a file for each class: 0 where the class is absent, 1 or 255 where it is present.

    Args:
        names: The names of the classes, and of the folders.
        ignored: The values of void; with 255 among them 1 is present.
        hint: What to do about other values; the end of the error message.
    """

    def __init__(self, names: Sequence[str], *, ignored: Iterable[int] = (), hint: str) -> None:
        ignored = list(ignored)
        self._names = names
        self._ones = IndexEncoding({0: 0, 1: 1}, ignored=ignored, hint=hint)
        self._whites = self._ones if WHITE in ignored else IndexEncoding({0: 0, WHITE: 1}, ignored=ignored, hint=hint)
        self.digest = f"layers {self._ones.digest} {self._whites.digest}"

    def read(self, path: File) -> Mask:
        """The layers (classes, H, W) of an image: 0, 1, and 255 for void.

        Args:
            path: The file of one of the classes; those of the others have its name in their folders.

        Raises:
            InputError: If a file is missing or cannot be read, has other values, or 1 and 255 although 255 is not
                ignored, or if the files differ in size.
        """
        files = self.files(path)
        layers = [self._read_layer(file) for file in files]
        for file, layer in zip(files, layers, strict=True):
            if layer.shape != layers[0].shape:
                sizes = [f"{height}x{width}" for height, width in (layers[0].shape, layer.shape)]
                raise InputError(
                    f"{files[0]} is {sizes[0]} and {file} is {sizes[1]} (height x width); the masks of an image must "
                    f"have one size"
                )
        return np.stack(layers)

    def files(self, path: File) -> tuple[Path, ...]:
        """The file of each class, in their order."""
        assert isinstance(path, Path), "shards have one mask for each image"
        return tuple(layer_path(path, name) for name in self._names)

    def _read_layer(self, file: Path) -> Mask:
        mask = read_mask(file)
        return (self._whites if (mask == WHITE).any() else self._ones).encode(mask, file)

    def index(self, code: int) -> int | None:
        """As MaskEncoding.index, for a file with ones."""
        return self._ones.index(code)


def layer_path(path: Path, name: str) -> Path:
    """The mask of a class.

    Args:
        path: The mask of a class of the same image.
        name: The name of the class.

    Example:
        >>> layer_path(Path("masks/val/wall/a.png"), "crack").as_posix()
        'masks/val/crack/a.png'
    """
    return path.parents[1] / name / path.name


def layer_folders(folder: Path, names: Sequence[str], *, hint: str) -> list[Path]:
    """The folder of each class.

    Args:
        folder: The masks of a split.
        names: The names of the classes.
        hint: What to do; the end of the error message.

    Raises:
        InputError: If the folder is missing or contains something else.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {folder}. {hint}")
    others = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".") and path.name not in names)
    if others:
        raise InputError(
            f"{folder} contains {listed(others)}; expected a folder for each class, {listed(names)}. {hint}"
        )
    return [folder / name for name in names]
