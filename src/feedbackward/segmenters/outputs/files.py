"""The names of the output files, checked before the first one is written."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from feedbackward.classes import ClassTable
from feedbackward.data.members import File
from feedbackward.errors import InputError, listed
from feedbackward.io import check_writable, nearest_existing, write_whole
from feedbackward.segmenters.outputs.output import Output, OutputOptions, Record
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.sources import Item

LONGEST_NAME = 255
"""The longest name of a file in bytes, in all common file systems."""


@dataclass(frozen=True)
class Job:
    """One image and the files to write for it.

    Args:
        image: The image to read.
        name: Its path within the source, with its suffix.
        files: The files to write, by the name of their kind.
    """

    image: File
    name: PurePath
    files: dict[str, Path]

    def write(self, result: Result, outputs: Iterable[Output], options: OutputOptions) -> None:
        """Write the files of an image.

        Raises:
            InputError: If a file cannot be written.
        """
        for output in outputs:
            write_whole(self.files[output.name], partial(output.write, result, options))

    def remove(self) -> None:
        """Remove the files of an earlier state of the image."""
        for path in self.files.values():
            path.unlink(missing_ok=True)


def plan(items: Iterable[Item], outputs: Iterable[Output], output: Path) -> list[Job]:
    """Choose the output files of every image: OUTPUT/KIND/NAME.SUFFIX.

    Args:
        items: The images.
        outputs: The kinds of files to write.
        output: The output folder.

    Raises:
        InputError: If two images have the same output file, an output would replace an image, or the name of an image
            does not suit a kind or is too long.
    """
    items, outputs = list(items), list(outputs)
    paths = (item.path for item in items if isinstance(item.path, Path))
    images = set(map(os.path.realpath, paths))  # Path.resolve refuses a link to itself
    jobs = []
    origin: dict[Path, File] = {}
    for item in items:
        files = {kind.name: output / kind.path(item.stem) for kind in outputs}
        for path in files.values():
            if os.path.realpath(path) in images:
                raise InputError(f"the prediction of {item.path} would replace the image {path}; choose another output")
            if len(os.fsencode(path.name)) > LONGEST_NAME:
                raise InputError(
                    f"the name of the output {path} would be longer than {LONGEST_NAME} bytes; shorten {item.path}"
                )
            if path in origin:
                raise InputError(f"{origin[path]} and {item.path} would both become {path}; rename one of them")
            origin[path] = item.path
        jobs.append(Job(item.path, item.name, files))
    return jobs


def gathered_files(outputs: Iterable[Output], output: Path) -> list[Path]:
    """The files about all images that `gather` writes into the output folder."""
    return [output / name for kind in outputs for name in kind.gathered]


def gather(jobs: Iterable[Job], outputs: Iterable[Output], table: ClassTable, output: Path) -> None:
    """Write the files about all images of a run, from the files of the single images.

    Raises:
        InputError: If a file of an image is missing, or a file cannot be written.
    """
    jobs = list(jobs)
    files = [path for job in jobs for path in job.files.values()]
    if missing := [path for path in files if not path.exists()]:
        raise InputError(
            f"{len(missing)} of {len(files)} files of images are gone, removed while this command ran: "
            f"{listed(missing, most=3)}; give the same command again to complete them"
        )
    for kind in outputs:
        for name, write in kind.gathered.items():
            records = [Record(job.name, job.files[kind.name]) for job in jobs]
            write_whole(output / name, partial(write, records, table))


def check_outputs(output: Path, files: Iterable[Path]) -> None:
    """Check that the folders of files can be written, without creating any.

    Raises:
        InputError: If one cannot.
    """
    try:
        folders = {nearest_existing(folder) for folder in {path.parent for path in files}}
    except OSError as error:
        raise InputError(f"the output folder {output} cannot be written: {error}") from error
    for folder in sorted(folders):
        check_writable(folder, what=f"the output folder {output}")
