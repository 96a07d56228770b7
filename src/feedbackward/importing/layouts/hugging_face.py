"""Data sets of the library datasets, as save_to_disk writes them: a column of images and one of masks."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from feedbackward.classes import LARGEST_VALUE
from feedbackward.data.files import decode_image
from feedbackward.data.masks import read_mask
from feedbackward.data.opening import opened
from feedbackward.errors import InputError, listed, one_line
from feedbackward.importing.found import FoundData, Sample
from feedbackward.importing.split_names import SPLITS, named_split
from feedbackward.preprocessing import Channels
from feedbackward.text_files import open_file, read_json, whole_number

DICT, INFO, STATE = "dataset_dict.json", "dataset_info.json", "state.json"
IMAGE_COLUMNS = ("image", "pixel_values", "img")
MASK_COLUMNS = ("mask", "label", "annotation", "segmentation_mask", "labels")
NAMES = "id2label.json"


@dataclass(frozen=True)
class Cell:
    """An encoded image or mask of a table, decoded on demand.

    Args:
        table: A datasets.Dataset of one column, whose images are not decoded.
        column: The column.
        row: The row.
        place: The folder of the table, for messages.
    """

    table: Any
    column: str
    row: int
    place: Path

    def image(self) -> NDArray[Any]:
        """The pixels (height, width, channels), without alpha.

        Raises:
            InputError: If there is none, or it cannot be decoded.
        """
        with self._file() as path, opened(path) as image:
            channels: Channels = image.layout.channels
            if image.layout.colors is not None:
                channels = "gray" if image.layout.colors == "gray" else "RGB"
            return decode_image(image, path, channels)

    def draw(self, height: int, width: int) -> NDArray[np.uint8 | np.uint16]:
        """As Drawing.draw.

        Raises:
            InputError: If there is none, it cannot be decoded, or has another size.
        """
        with self._file() as path:
            mask = read_mask(path, hint="Write images and masks of colors as files, in folders images and masks")
        if mask.shape != (height, width):
            raise InputError(
                f"{self} is {mask.shape[0]}x{mask.shape[1]}, its image {height}x{width} (height x width); resize one "
                f"of them"
            )
        return mask

    def __str__(self) -> str:
        return f"{self.place}, column {self.column}, row {self.row}"

    @contextmanager
    def _file(self) -> Iterator[Path]:
        """The encoded image in a temporary file; errors about it name the cell."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image"
            path.write_bytes(self._bytes())
            try:
                yield path
            except InputError as error:
                raise InputError(str(error).replace(str(path), str(self))) from error

    def _bytes(self) -> bytes:
        stored = self.table[self.row][self.column]
        if stored is None:
            raise InputError(f"{self} is empty; filter the data set, and save it again")
        if stored["bytes"] is not None:
            return bytes(stored["bytes"])
        try:
            with open_file(Path(stored["path"]), expected="an image") as file:
                return file.read()
        except OSError as error:
            raise InputError(
                f"{self} is the file {stored['path']}, which cannot be read: {error.strerror}; save the data set again "
                f"where that file exists"
            ) from error


def find(root: Path) -> FoundData | None:
    """The rows of a saved Dataset or DatasetDict; None if the folder contains neither.

    Raises:
        InputError: If datasets is not installed, the data set is damaged, has no rows, or does not have one column of
            images and one of masks.
    """
    if not (root / DICT).is_file() and not ((root / INFO).is_file() and (root / STATE).is_file()):
        return None
    tables = _load(root)
    samples, notes = list[Sample](), list[str]()
    for key, table in tables.items():
        place = root / key
        image, mask = (_column(table.features, names, place) for names in (IMAGE_COLUMNS, MASK_COLUMNS))
        split = named_split(key)
        if key and split is None:
            notes.append(f"{key} is none of the splits {listed(SPLITS)}: its images count as without a split")
        images, masks = _undecoded(table, image), _undecoded(table, mask)
        for row in range(len(table)):
            name = f"{key}_{row:06d}" if key else f"{row:06d}"
            samples.append(Sample(name, Cell(images, image, row, place).image, Cell(masks, mask, row, place), split))
    if not samples:
        raise InputError(f"{root} has no rows; save a data set with images")
    classes, source = _classes(root, next(iter(tables.values())).features)
    return FoundData("a saved Hugging Face data set", tuple(samples), classes, (*notes, *source))


def _load(root: Path) -> dict[str, Any]:
    """The tables by the names of their splits; a single one has the name ""."""
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise InputError(
            f"{root} was saved by the library datasets, which is not installed: pip install 'feedbackward[datasets]'"
        ) from error
    try:
        loaded = datasets.load_from_disk(str(root))
    except Exception as error:  # Arrow and datasets raise almost any exception if a file is damaged
        raise InputError(f"{root} cannot be loaded by datasets: {one_line(error)}; save it again") from error
    tables = loaded if isinstance(loaded, datasets.DatasetDict) else {"": loaded}
    return {key: table.with_format(None) for key, table in tables.items()}


def _column(features: Mapping[str, Any], names: Iterable[str], place: Path) -> str:
    """The column of images that has one of these names."""
    found = [name for name in names if type(features.get(name)).__name__ == "Image"]
    if len(found) != 1:
        columns = listed(f"{name} ({type(feature).__name__})" for name, feature in features.items())
        raise InputError(
            f"{place} has {len(found) or 'no'} columns of images named {', '.join(names)}; found {columns}; rename one "
            f"column so, or cast it to datasets.Image, and save again"
        )
    return found[0]


def _undecoded(table: Any, column: str) -> Any:
    import datasets

    return table.select_columns([column]).cast_column(column, datasets.Image(decode=False))


def _classes(root: Path, features: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """The content of a class file, if the classes have names, and notes about them.

    A list of ClassLabels says which classes an image contains; a single one classifies the image as a whole.
    """
    path = root / NAMES
    if path.is_file():
        return _names_by_value(read_json(path), path), []
    import datasets

    lists = {
        column: feature.feature.names
        for column, feature in features.items()
        if isinstance(getattr(feature, "feature", None), datasets.ClassLabel)
    }
    if len(lists) == 1:
        ((column, names),) = lists.items()
        return {"classes": [*names]}, [f"the classes are those of the column {column}, from {names[0]} for the value 0"]
    unused = [*lists, *(column for column, feature in features.items() if isinstance(feature, datasets.ClassLabel))]
    if not unused:
        return None, []
    return None, [f"the classes of {listed(unused)} are not those of the masks for certain; write {NAMES} to name them"]


def _names_by_value(data: Any, path: Path) -> dict[str, Any]:
    entries = data.items() if isinstance(data, dict) else ()
    if not entries or not all(_is_value(value) and isinstance(name, str) for value, name in entries):
        raise InputError(f'{path}: expected the names of the classes by their values, such as {{"0": "road"}}')
    if len(set(data.values())) < len(data):
        raise InputError(f"{path}: two classes have one name; names must be unique")
    return {"classes": [{"name": name, "value": whole_number(value)} for value, name in entries]}


def _is_value(text: str) -> bool:
    value = whole_number(text)
    return value is not None and value <= LARGEST_VALUE
