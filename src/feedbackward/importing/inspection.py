"""Checking a data set as a whole: facts about it, and every problem at once."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from feedbackward.errors import InputError
from feedbackward.importing import problems
from feedbackward.importing.class_codes import ClassCodes, read_class_codes
from feedbackward.importing.data_files import is_hidden
from feedbackward.importing.duplicates import copies, leaks
from feedbackward.importing.examination import Examined, ImageFacts, examine
from feedbackward.importing.facts import NO_SPLIT, Facts
from feedbackward.importing.found import FoundData, Sample
from feedbackward.importing.mask_facts import MaskFacts
from feedbackward.importing.mask_inspection import MaskInspection
from feedbackward.importing.placed_masks import PlacedMask
from feedbackward.importing.problems import Kind, Problem, ProblemLog
from feedbackward.importing.split_names import folder_split


@dataclass(frozen=True)
class Inspection:
    """What inspect found.

    Args:
        facts: What the data set consists of.
        problems: What is wrong with it, errors first.
        sound: The data set without the samples that have errors, with its classes.
        digests: A hash of the image of each of its samples.
        left_out: The number of the others.
    """

    facts: Facts
    problems: tuple[Problem, ...]
    sound: FoundData
    digests: tuple[bytes | None, ...]
    left_out: int

    @property
    def failed(self) -> bool:
        """Whether any problem is an error."""
        return any(problem.kind.level == "error" for problem in self.problems)


def inspect(found: FoundData, root: Path, *, on_sample: Callable[[], object] = lambda: None) -> Inspection:
    """Decode every image and mask of a data set, on all cores, and note all that is wrong.

    Args:
        found: The data set, as recognize returns it.
        root: Its folder.
        on_sample: Called after each sample.
    """
    log, facts = ProblemLog(), Facts(found.layout, named=found.classes is not None)
    masks = MaskInspection(_given_classes(found, root, log), log)
    images = list[ImageFacts | None]()
    work = partial(examine, as_colors=masks.classes is not None and masks.classes.colors)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding releases the global interpreter lock
        for index, examined in enumerate(pool.map(work, found.samples)):
            sample = found.samples[index]
            split = sample.split or NO_SPLIT
            facts.splits[split] += 1
            images.append(examined.image if isinstance(examined.image, ImageFacts) else None)
            _note_sample(examined, index, sample, root, log)
            if isinstance(examined.mask, MaskFacts):
                path = sample.mask if isinstance(sample.mask, Path) else None
                masks.add(PlacedMask(examined.mask, index, split, _place(sample.mask, sample, root), path))
            on_sample()
    facts.codes = masks.finish()
    facts.classes, facts.pixels = masks.classes, masks.pixels
    _count_images(images, found.samples, root, facts, log)
    digests = [None if image is None else image.digest for image in images]
    _note_repeated(found.samples, digests, root, log)
    _note_splits(facts.splits, root, log)
    for note in found.notes:
        log.add(problems.NOTE, note.replace(f"{root}{os.sep}", ""))
    kept = [index for index in range(len(found.samples)) if index not in log.faulty]
    derived = facts.classes.content if facts.classes is not None else None
    return Inspection(
        facts,
        tuple(log),
        replace(found, samples=tuple(found.samples[index] for index in kept), classes=found.classes or derived),
        tuple(digests[index] for index in kept),
        len(log.faulty),
    )


def _given_classes(found: FoundData, root: Path, log: ProblemLog) -> ClassCodes | None:
    if found.classes is None:
        return None
    try:
        return read_class_codes(found.classes)
    except InputError as error:
        log.add(problems.CLASS_FILE, _brief(str(error), root))
        return None


def _note_sample(examined: Examined, index: int, sample: Sample, root: Path, log: ProblemLog) -> None:
    image, mask = examined.image, examined.mask
    if isinstance(image, str):
        log.add(problems.UNREADABLE_IMAGE, _brief(image, root), samples=[index])
    if examined.lossy is not None:
        example = f"{_place(sample.mask, sample, root)} ({examined.lossy})"
        log.add(problems.LOSSY_MASK, example, samples=[index])
    elif isinstance(mask, str):
        log.add(problems.UNREADABLE_MASK, _brief(mask, root), samples=[index])
    if isinstance(image, ImageFacts) and isinstance(mask, MaskFacts) and image.size != mask.size:
        (height, width), (mask_height, mask_width) = image.size, mask.size
        place = _place(sample.mask, sample, root)
        example = f"{place} ({mask_height}x{mask_width}, image {height}x{width})"
        log.add(problems.SIZE, example, samples=[index])


def _count_images(
    images: Sequence[ImageFacts | None], samples: Sequence[Sample], root: Path, facts: Facts, log: ProblemLog
) -> None:
    readable = [(image, sample) for image, sample in zip(images, samples, strict=True) if image is not None]
    facts.sizes = Counter(image.size for image, _ in readable)
    facts.channels = Counter(image.channels for image, _ in readable)
    facts.depths = Counter(image.depth for image, _ in readable)
    facts.formats = Counter(image.format for image, _ in readable)
    for image, sample in readable:
        place = _place(sample.image, sample, root)
        _note_minority(image.channels, facts.channels, place, problems.CHANNELS, log)
        _note_minority(image.depth, facts.depths, place, problems.DEPTHS, log)


def _note_minority(value: str, counts: Counter[str], place: str, kind: Kind, log: ProblemLog) -> None:
    [(most, _)] = counts.most_common(1)
    if value != most:
        log.add(kind, f"{place} ({value}, most {most})")


def _note_repeated(samples: Sequence[Sample], digests: Sequence[bytes | None], root: Path, log: ProblemLog) -> None:
    for index, kept in leaks(samples, digests):
        first, second = (_place(samples[at].image, samples[at], root) for at in (index, kept))
        log.add(problems.LEAK, f"{first} = {second}", samples=[index])
    for group in copies(digests):
        first_of = dict[str | None, int]()
        for index in group:
            split = samples[index].split
            before = first_of.setdefault(split, index)
            if before != index:
                places = (_place(samples[at].image, samples[at], root) for at in (index, before))
                log.add(problems.UNSPLIT_REPEATED if split is None else problems.REPEATED, " = ".join(places))


def _note_splits(splits: Counter[str], root: Path, log: ProblemLog) -> None:
    """Test images without masks are no error: they often are withheld."""
    if splits.keys() == {NO_SPLIT}:
        return
    empty = {} if splits["train"] or splits[NO_SPLIT] else {"train": "train"}
    for folder in sorted(path for path in root.rglob("*") if path.is_dir() and not is_hidden(path.relative_to(root))):
        split = folder_split(folder / "NAME", root)
        if split is not None and not splits[split] and (split != "test" or not any(folder.iterdir())):
            empty.setdefault(split, str(folder.relative_to(root)))
    for place in empty.values():
        log.add(problems.EMPTY_SPLIT, place)
    if not splits["val"] and "val" not in empty:
        log.add(problems.ONLY_TRAIN, count=splits["train"])


def _place(thing: object, sample: Sample, root: Path) -> str:
    """The file below the root, or the name of a sample that is not in files."""
    if not isinstance(thing, Path):
        return sample.name
    return str(thing.relative_to(root)) if thing.is_relative_to(root) else str(thing)


def _brief(message: str, root: Path) -> str:
    """What a message says is wrong, without what to do: the problem says that once."""
    return message.replace(f"{root}{os.sep}", "").split("; ")[0]
