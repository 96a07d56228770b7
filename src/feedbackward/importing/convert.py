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
from numpy.typing import NDArray
from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.data.class_file import parse_classes, read_class_file
from feedbackward.data.files import image_size
from feedbackward.errors import InputError, listed
from feedbackward.importing.code_tally import count_codes
from feedbackward.importing.duplicates import file_digests, leaks
from feedbackward.importing.found import FoundData, Sample, check_names
from feedbackward.importing.mask_codes import assumptions, describe_codes
from feedbackward.io import check_empty, check_writable, nearest_existing, write_text, write_whole
from feedbackward.text_files import read_text

CLASS_FILE = "classes.yaml"


def convert(
    found: FoundData,
    output: Path,
    *,
    names: Sequence[str] = (),
    on_sample: Callable[[], object] = lambda: None,
    say: Callable[[str], object] = lambda _: None,
) -> ClassTable:
    """Write a data set as OUTPUT/images/SPLIT, OUTPUT/masks/SPLIT and OUTPUT/classes.yaml, which FolderData reads.

    Files are not changed: they are hard links where the file system has them, and copies elsewhere. The folder appears
    when all is written.

    Args:
        found: The samples, each with a split.
        output: A folder that does not exist, or is empty.
        names: The names of the classes by ascending value or color, for masks whose classes are not named.
        on_sample: Called after each sample.
        say: Called with each line about what is assumed about the masks, and about images that several splits have.

    Returns:
        The classes.

    Raises:
        InputError: If the folder has content or cannot be written, two images of a split have one name, an image or a
            mask cannot be read, or the classes of the masks cannot be told.
    """
    check_empty(output)
    if found.classes is not None and names:
        raise InputError(f"the {found.layout} name their classes; omit the names {', '.join(names)}")
    check_names(found.samples, where=output)
    check_writable(nearest_existing(output.parent), what=str(output))
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
        part = Path(folder) / "data"
        try:
            table, lines = _write_all(found, part, names, on_sample)
        except InputError as error:  # the folder of the message will not exist
            raise InputError(str(error).replace(str(part), str(output))) from error
        part.replace(output)
    for line in (*lines, *_note_copies(found.samples)):
        say(line)
    return table


def _write_all(
    found: FoundData, output: Path, names: Sequence[str], on_sample: Callable[[], object]
) -> tuple[ClassTable, list[str]]:
    """Write the samples and the class file, and return the classes and what is assumed about the masks."""
    for split in {sample.split for sample in found.samples}:
        assert split is not None
        (output / "images" / split).mkdir(parents=True)
        (output / "masks" / split).mkdir(parents=True)
    table = None if found.classes is None else _write_classes(found.classes, output)

    def write(sample: Sample) -> Path:
        mask = _write(sample, output)
        on_sample()
        return mask

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        masks = list(pool.map(write, found.samples))
    if table is not None:
        return table, []
    described = describe_codes(count_codes(masks), names)
    return _write_classes(described, output), assumptions(described)


def _note_copies(samples: Sequence[Sample]) -> list[str]:
    """The line about images that are in several of the splits that the data set came with."""
    pairs = [(samples[index], samples[kept]) for index, kept in leaks(samples, file_digests(samples))]
    if not pairs:
        return []
    some = listed((f"{copy.split}/{copy.name} = {kept.split}/{kept.name}" for copy, kept in pairs), most=3)
    return [
        f"images that are in several splits, byte for byte ({len(pairs)}): {some}; scores of images that were "
        f"trained on are too good: `feedbackward inspect --fix` keeps one of each"
    ]


def _write_classes(classes: dict[str, Any] | Path, output: Path) -> ClassTable:
    if isinstance(classes, Path):
        table = read_class_file(classes).table
        path, text = output / f"classes{classes.suffix}", read_text(classes, expected="a class file")
    else:
        path, text = output / CLASS_FILE, yaml.safe_dump(classes, sort_keys=False, allow_unicode=True)
        table = parse_classes(classes, path).table
    write_text(path, text)
    return table


def _write(sample: Sample, output: Path) -> Path:
    """Write an image and its mask, and return the file of the mask, the original one if there is one."""
    assert sample.split is not None
    images, masks = output / "images" / sample.split, output / "masks" / sample.split
    if isinstance(sample.image, Path):
        image = sample.image
        _link(image, images / f"{sample.name}{image.suffix.lower()}")
    else:
        image = images / f"{sample.name}.tif"
        _write_pixels(sample.image(), image)
    if isinstance(sample.mask, Path):
        _link(sample.mask, masks / f"{sample.name}{sample.mask.suffix.lower()}")
        return sample.mask
    mask, drawn = masks / f"{sample.name}.png", Image.fromarray(sample.mask.draw(*image_size(image)))
    write_whole(mask, lambda file: drawn.save(file, "PNG"))
    return mask


def _write_pixels(pixels: NDArray[Any], path: Path) -> None:
    """Write (height, width, channels) as TIFF: three channels are RGB, others have no colors."""
    channels = pixels.shape[2]
    kind = "rgb" if channels == 3 else "minisblack"
    extra = ["unspecified"] * (channels - 1) if kind == "minisblack" else []
    write_whole(
        path,
        lambda file: tifffile.imwrite(
            file,
            pixels,
            photometric=kind,
            planarconfig="contig" if channels > 1 else None,
            extrasamples=extra,
            compression="zlib",
            predictor=True,
        ),
    )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:
        try:
            shutil.copy2(source, target)
        except OSError as error:
            raise InputError(
                f"{source} cannot be copied to {target}: {error.strerror}; free space, or choose another place"
            ) from error
