"""The work of `feedbackward predict` once it is planned: predict, skip what fails, sum up."""

import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from jsonargparse import Namespace
from numpy.typing import NDArray

from feedbackward.cli.predict_report import SKIPPED, Reporter, Summary, write_skipped
from feedbackward.cli.prediction_plan import Jobs, plan_prediction
from feedbackward.cli.shared_folder import check_shared
from feedbackward.data.large import LargeImage, read_unless_large
from feedbackward.data.listing import describe_left_out
from feedbackward.data.members import File
from feedbackward.errors import InputError
from feedbackward.io import lock_folder, remove_parts
from feedbackward.processes import Processes
from feedbackward.segmenters.pipeline import predict_each
from feedbackward.segmenters.reduced import reduced_size
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.video_prediction import predict_video


class PredictionRun:
    """One run of the command.

    Args:
        options: Those of `feedbackward predict`.
        reporter: Prints what happens.
        processes: Those that share the images.

    Raises:
        InputError: If anything is wrong with the options; nothing is written then.
    """

    def __init__(self, options: Namespace, reporter: Reporter, processes: Processes) -> None:
        self._started = time.perf_counter()
        self._options, self._reporter, self._processes = options, reporter, processes
        self._plan = plan_prediction(options, processes)
        self._skipped = list[tuple[File, str]]()

    def predict(self, held: ExitStack) -> int:
        """Predict what is waiting.

        Args:
            held: Takes the lock of the output folder, which keeps other commands out until the caller closes it.

        Returns:
            The number of files that were skipped; of several processes the first one has the number of all, the others
            0.

        Raises:
            InputError: If, with --strict, a file cannot be predicted.
        """
        done_before = self._say_first()
        self._open(held)
        with self._reporter.progress(len(self._plan.waiting)) as self._advance:
            self._predict_images()
            self._predict_videos()
        return self._finish(done_before)

    def _say_first(self) -> int:
        plan, say = self._plan, self._reporter.say
        if plan.note:
            say(plan.note)
        if plan.sources.left_out:
            say(describe_left_out(plan.sources.left_out))
        done_before: int = sum(self._processes.gather(len(plan.own) - len(plan.waiting)))
        if done_before:
            count = len(plan.everything)
            say(f"{done_before} of {count} are done already; predicting {count - done_before}")
        return done_before

    def _open(self, held: ExitStack) -> None:
        """Start to write: by now all processes have checked, and none writes."""
        output: Path = self._options.output
        if self._processes.is_first:
            held.enter_context(lock_folder(output, remedy="choose another --output"))
            files = (path for jobs in self._plan.everything for job in jobs for path in job.files.values())
            for folder in {path.parent for path in files}:
                remove_parts(folder)
            for destination in self._plan.destinations:
                destination.journal.start()
        check_shared(output, self._processes)

    def _predict_images(self) -> None:
        plan = self._plan
        predict_each(
            (jobs for jobs in plan.images if jobs[0].name in plan.waiting),
            read=self._read,
            segment=plan.predictor.segment_tasks,
            write=self._write,
            skip=self._skip,
            batch_size=self._options.batch_size,
            workers=self._options.workers,
            at_once=plan.predictor.at_once,
        )

    def _predict_videos(self) -> None:
        plan, options = self._plan, self._options
        for item, job in plan.videos.items():
            if job.name in plan.waiting:
                plan.destinations[0].begin(job, {})
                of_frames = plan.kinds if options.save else []
                segment = plan.predictor.segment
                try:
                    predict_video(item, options.output, segment, of_frames, plan.writing, batch_size=options.batch_size)
                except InputError as error:
                    self._skip((job,), error)
                else:
                    self._advance()

    def _read(self, jobs: Jobs) -> NDArray[Any] | LargeImage:
        image = read_unless_large(jobs[0].image, self._plan.predictor.preprocessing.channels, self._options.large)
        if isinstance(image, LargeImage):
            self._reporter.say(self._describe_large(image))
        return image

    def _write(self, jobs: Jobs, results: tuple[Result, ...]) -> None:
        for destination, job, result in zip(self._plan.destinations, jobs, results, strict=True):
            destination.write(job, result)
        self._advance()

    def _skip(self, jobs: Jobs, error: InputError) -> None:
        image = jobs[0].image
        reason = str(error) if str(image) in str(error) else f"{image}: {error}"
        if self._options.strict:
            raise InputError(reason) from error
        for job in jobs:
            job.remove()
        self._skipped.append((image, reason))
        self._reporter.skip(reason)
        self._advance()

    def _describe_large(self, image: LargeImage) -> str:
        """How a large image is predicted.

        Raises:
            InputError: If a kind needs the probabilities of all its pixels.
        """
        (height, width), (smaller, narrower) = image.size, reduced_size(image.size)
        refused = [kind.name for kind in self._plan.kinds if kind.needs_probabilities]
        if refused:
            raise InputError(
                f"{image.path} is {height}x{width} (height x width), and images of more than "
                f"{self._options.large:g} megapixels have no {' and no '.join(refused)}; leave these out of --save, or "
                f"set --large higher"
            )
        return (
            f"{image.path} ({height}x{width}) is read in bands; overlays and contours show it at {smaller}x{narrower}"
        )

    def _finish(self, done_before: int) -> int:
        """Gather what all processes have done, write what is about all images, and print the summary."""
        plan, everything = self._plan, self._plan.everything
        left = {path for path, _ in self._skipped}
        predicted = [jobs for jobs in plan.own if jobs[0].image not in left]
        areas = [
            destination.journal.areas(str(jobs[task].name) for jobs in predicted)
            for task, destination in enumerate(plan.destinations)
        ]
        of_this = {"skipped": [(str(path), reason) for path, reason in self._skipped], "areas": areas}
        found = self._processes.gather(of_this)
        if not self._processes.is_first:
            return 0
        reasons = {path: reason for of_process in found for path, reason in of_process["skipped"]}
        names = ((jobs[0].image, str(jobs[0].image)) for jobs in everything)
        skipped = [(image, reasons[name]) for image, name in names if name in reasons]
        for destination in plan.destinations:
            destination.journal.merge()
            destination.gather(without=reasons)
        path = self._options.output / SKIPPED
        write_skipped(path, skipped)
        if skipped:
            self._reporter.say(f"skipped {len(skipped)} of {len(everything)}: see {path}")
        summary = Summary(
            model=self._options.model,
            done_before=done_before,
            predicted=len(everything) - done_before - len(skipped),
            skipped=skipped,
            left_out={reason: len(paths) for reason, paths in plan.sources.left_out.items()},
            tasks=[
                destination.summary(sum((Counter(each["areas"][task]) for each in found), Counter()))
                for task, destination in enumerate(plan.destinations)
            ],
            seconds=time.perf_counter() - self._started,
        )
        self._reporter.finish(summary)
        return len(skipped)
