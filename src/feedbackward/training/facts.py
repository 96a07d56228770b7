"""What a model card and a report say about a training, in sentences; those of a resumed one are about all of it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from feedbackward.errors import listed
from feedbackward.models.encoder import IMAGENET
from feedbackward.training.history import History
from feedbackward.training.portable import flat, shown_place, split_places
from feedbackward.viz.pages import duration


def session(config: Mapping[str, Any], *, data: str, epoch: int) -> dict[str, Any]:
    """A record of a training, or of its part until it is resumed, to be kept in its checkpoints.

    Args:
        config: The configuration.
        data: The name of the data set.
        epoch: Its first epoch, from 1.
    """
    recipe, places = split_places(config)
    shown = {option: shown_place(path) for option, path in places.items()}
    shown.pop("data.init_args.root", None)  # a folder that was moved is the same data set
    return {"epoch": epoch, "options": dict(flat(recipe)) | shown | {"data_name": data}}


def sentences(
    history: History, sessions: Sequence[Mapping[str, Any]], *, training_images: int, validation_images: int
) -> list[str]:
    """The facts about a training.

    Args:
        history: Its epochs.
        sessions: A record for each part of it.
        training_images: The number of images of the split train.
        validation_images: That of the split val.
    """
    assert history.best is not None
    first, last = (part["options"] for part in (sessions[0], sessions[-1]))
    scored = min(history.epochs[history.best["epoch"] - 1]["scored"], validation_images)
    of_all = "" if scored == validation_images else f" of {validation_images}"
    seed = first["seed_everything"]
    seen, epochs = sum(record["images"] for record in history.epochs), len(history.epochs)
    return [
        f"{history.summary.capitalize()}, on the same {scored:.0f}{of_all} images, "
        f"{'no fixed seed' if seed is False else f'seed {seed}'}: expect lower scores on images that were not used "
        f"for this choice.",
        f"Trained in {duration(history.seconds)}: {epochs} epoch{'s' * (epochs > 1)}, in which {seen:.0f} images were "
        f"seen, repeated ones included; the training set has {training_images}.",
        *_skipped(history.skipped),
        _start(first),
        *([f"The loss weights the classes: {last['class_weights']}."] if last["class_weights"] else []),
        *_changes(sessions),
    ]


def _skipped(batches: int) -> Iterator[str]:
    if batches:
        yield f"Left out: {batches} batch{'es' * (batches > 1)} whose loss or gradient was not finite."


def _start(options: Mapping[str, Any]) -> str:
    if options["model.start_from"] is not None:
        return f"Started from the trained network {options['model.start_from']}."
    weights = options["model.encoder_weights"]
    common = {None: "random weights", IMAGENET: "ImageNet weights"}
    return f"The encoder started from {common.get(weights, f'the weights of {weights}')}."


def _changes(sessions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The options of each part of a training that differ from those of the last part."""
    last = sessions[-1]["options"]
    for part, following in pairwise(sessions):
        options = part["options"]
        names = [name for name in options | last if options.get(name) != last.get(name)]
        if names:
            shown = listed(f"{name} {options.get(name)} (later {last.get(name)})" for name in names)
            yield f"Up to epoch {following['epoch'] - 1}: {shown}."
