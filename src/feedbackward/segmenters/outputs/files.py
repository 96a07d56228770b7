"""The names of the output files, checked before the first one is written."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePath

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.io import check_writable, nearest_existing, write_whole
from feedbackward.segmenters.outputs.output import Output, OutputOptions, Record
from feedbackward.segmenters.result import Result


@dataclass(frozen=True)
class Job:
    """One image and the files to write for it.

    Args:
        image: The image to read.
        name: Its path within the source, with its suffix.
        files: The files to write, by the name of their kind.
    """

    image: Path
    name: PurePath
    files: dict[str, Path]

    def write(self, result: Result, outputs: Iterable[Output], options: OutputOptions) -> None:
        """Write the files of an image.

        Raises:
            InputError: If a file cannot be written.
        """
        for output in outputs:
            write_whole(self.files[output.name], partial(output.write, result, options))


def plan(images: Iterable[tuple[Path, PurePath]], outputs: Iterable[Output], output: Path) -> list[Job]:
    """Choose the output files of every image: OUTPUT/KIND/NAME.SUFFIX.

    Args:
        images: Each image and its name: its path within the source, with its suffix.
        outputs: The kinds of files to write.
        output: The output folder.

    Raises:
        InputError: If two images have the same output file, an output would replace an image, or the name of an image
            does not suit a kind.
    """
    outputs = list(outputs)
    jobs = []
    origin: dict[Path, Path] = {}
    for image, name in images:
        files = {kind.name: output / kind.path(name) for kind in outputs}
        for path in files.values():
            if path.resolve() == image.resolve():
                raise InputError(f"the prediction of {image} would replace the image itself; choose another output")
            if path in origin:
                raise InputError(f"{origin[path]} and {image} would both become {path}; rename one of them")
            origin[path] = image
        jobs.append(Job(image, name, files))
    return jobs


def gathered_files(outputs: Iterable[Output], output: Path) -> list[Path]:
    """The files about all images that `gather` writes into the output folder."""
    return [output / name for kind in outputs for name in kind.gathered]


def gather(jobs: Iterable[Job], outputs: Iterable[Output], table: ClassTable, output: Path) -> None:
    """Write the files about all images of a run, from the files of the single images; those without one are left out.

    Raises:
        InputError: If a file cannot be written.
    """
    jobs = list(jobs)
    for kind in outputs:
        for name, write in kind.gathered.items():
            records = [Record(job.name, job.files[kind.name]) for job in jobs if job.files[kind.name].exists()]
            write_whole(output / name, partial(write, records, table))


def check_outputs(output: Path, files: list[Path], *, overwrite: bool) -> None:
    """Check that the files and their folders can be written, without creating any.

    Raises:
        InputError: If they cannot, or files exist and overwrite is not set.
    """
    try:
        existing = [path for path in files if path.exists()]
        folders = {nearest_existing(path.parent) for path in files}
    except OSError as error:
        raise InputError(f"the output folder {output} cannot be written: {error}") from error
    if existing and not overwrite:
        raise InputError(
            f"{len(existing)} of {len(files)} output files exist already, such as {existing[0]}; choose "
            f"another output folder or add --overwrite"
        )
    for folder in sorted(folders):
        check_writable(folder, what=f"the output folder {output}")
