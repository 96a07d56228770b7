"""Writing a data set in our own layout: images and masks in folders for each split, and a class file."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import tifffile
import yaml
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.data.class_file import read_class_file
from feedbackward.data.files import image_size
from feedbackward.errors import InputError
from feedbackward.importing.found import FoundData, Sample
from feedbackward.importing.mask_codes import count_codes, describe_codes
from feedbackward.io import write_text, write_whole

CLASS_FILE = "classes.yaml"


def convert(
    found: FoundData,
    output: Path,
    *,
    names: Sequence[str] = (),
    on_sample: Callable[[], object] = lambda: None,
) -> ClassTable:
    """Write a data set as OUTPUT/images/SPLIT, OUTPUT/masks/SPLIT and OUTPUT/classes.yaml, which FolderData reads.

    Files are not changed: they are hard links where the file system has them, and copies elsewhere. The folder appears
    when all is written.

    Args:
        found: The samples, each with a split.
        output: A folder that does not exist, or is empty.
        names: The names of the classes by ascending value or color, for masks whose classes are not named.
        on_sample: Called after each sample.

    Returns:
        The classes.

    Raises:
        InputError: If the folder has content or cannot be written, an image or a mask cannot be read, or the classes of
            the masks cannot be told.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"{output} exists and is not an empty folder; give a new one")
    classes = _class_file(found, names)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
        part = Path(folder) / "data"
        for split in {sample.split for sample in found.samples}:
            assert split is not None
            (part / "images" / split).mkdir(parents=True)
            (part / "masks" / split).mkdir(parents=True)

        def write(sample: Sample) -> None:
            _write(sample, part)
            on_sample()

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(write, found.samples))
        path = part / CLASS_FILE
        if isinstance(classes, Path):
            path = part / f"classes{classes.suffix}"
            write_text(path, classes.read_text(encoding="utf-8"))
        else:
            write_text(path, yaml.safe_dump(classes, sort_keys=False, allow_unicode=True))
        table = read_class_file(path).table
        part.replace(output)
    return table


def _class_file(found: FoundData, names: Sequence[str]) -> dict[str, Any] | Path:
    if found.classes is not None:
        if names:
            raise InputError(f"the {found.layout} name their classes; omit the names {', '.join(names)}")
        return found.classes
    masks = [sample.mask for sample in found.samples if isinstance(sample.mask, Path)]
    return describe_codes(count_codes(masks), names)


def _write(sample: Sample, output: Path) -> None:
    assert sample.split is not None
    images, masks = output / "images" / sample.split, output / "masks" / sample.split
    if isinstance(sample.image, Path):
        image = images / f"{sample.name}{sample.image.suffix.lower()}"
        _link(sample.image, image)
    else:
        image, pixels = images / f"{sample.name}.tif", sample.image()
        write_whole(image, lambda file: tifffile.imwrite(file, pixels, compression="zlib", planarconfig="contig"))
    if isinstance(sample.mask, Path):
        _link(sample.mask, masks / f"{sample.name}{sample.mask.suffix.lower()}")
        return
    mask = Image.fromarray(sample.mask.draw(*image_size(image)))
    write_whole(masks / f"{sample.name}.png", lambda file: mask.save(file, "PNG"))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        try:
            shutil.copy2(source, target)
        except OSError as error:
            raise InputError(f"{target} cannot be written: {error}; free space, or choose another place") from error
