"""Where the predictions of one task go: a folder with its files and its journal."""

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feedbackward.classes import ClassTable
from feedbackward.cli.predict_report import TaskSummary
from feedbackward.segmenters.journal import Journal
from feedbackward.segmenters.outputs import Output, OutputOptions
from feedbackward.segmenters.outputs.files import Job, gather, gathered_files
from feedbackward.segmenters.result import Result


@dataclass(frozen=True)
class Destination:
    """The output folder of one task.

    Args:
        name: The task; "" if there is only one.
        folder: The folder.
        table: The classes of the task.
        kinds: The kinds of files to write.
        writing: Their options.
        jobs: The files to write for each image.
        journal: What has been written.
    """

    name: str
    folder: Path
    table: ClassTable
    kinds: Sequence[Output]
    writing: OutputOptions
    jobs: Sequence[Job]
    journal: Journal

    def is_done(self, job: Job) -> bool:
        """Whether the outputs of a job exist and belong to its image as it is now; errors as in Journal.is_done."""
        return self.journal.is_done(str(job.name), job.image, job.files.values())

    def write(self, job: Job, result: Result) -> None:
        """Write the outputs of a job, and note it in the journal."""
        self.begin(job, result.areas)
        job.write(result, self.kinds, self.writing)

    def begin(self, job: Job, areas: Mapping[str, int]) -> None:
        """Note in the journal that the outputs of a job are written next."""
        self.journal.add(str(job.name), job.image, areas, job.files.values())

    @property
    def gathered(self) -> list[Path]:
        """The files about all images."""
        return gathered_files(self.kinds, self.folder)

    def gather(self, *, without: Container[str]) -> None:
        """Write the files about all images but some, which other processes may have predicted.

        Raises:
            InputError: If a file of an image is not there, or a file cannot be written.
        """
        jobs = [job for job in self.jobs if str(job.image) not in without]
        gather(jobs, self.kinds, self.table, self.folder)

    def summary(self, areas: Counter[str]) -> TaskSummary:
        """What was written, with the number of pixels of each class in all images."""
        return TaskSummary(
            name=self.name,
            table=self.table,
            written=[*(self.folder / kind.name for kind in self.kinds), *self.gathered],
            areas=areas,
        )
