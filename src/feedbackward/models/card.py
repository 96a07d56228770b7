"""The model card of a saved network or adapter: what it is, its license, how to use it, and how it was trained.

The format is the hub's: "Model Cards for Model Reporting" (Mitchell et al., 2018), with metadata that the hub reads.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from feedbackward.classes import ClassTable
from feedbackward.models.origin import Origin, card_metadata
from feedbackward.preprocessing import Preprocessing

_TEMPLATE = Path(__file__).with_name("card.md.jinja")
_PLACE = re.compile(r'(?<=feedbackward predict )(?:FOLDER|FILE)(?= IMAGES)|(?<=fb\.load\(")(?:FOLDER|FILE)(?="\))')
"""What stands for the place of the model in the card's examples."""


@dataclass(frozen=True)
class Training:
    """How a network was trained, and what it scored.

    Args:
        run: The name of the run, by which the network is called.
        data: The data set.
        split: The part of it that was scored.
        scores: Values in percent, by title.
        per_class: Values in percent, one row for each class.
        columns: The titles of those values.
        facts: Sentences about the training, such as its duration and caveats about the scores.
        recipe: The configuration as YAML, without paths.
        command: The command that repeats the training with that recipe in a file recipe.yaml.
        placeholders: The options in the recipe that need a path first.
        versions: The versions of the packages, and the machine.
    """

    run: str
    data: str
    split: str
    scores: dict[str, str]
    per_class: dict[str, Sequence[str]]
    columns: Sequence[str]
    facts: Sequence[str]
    recipe: str
    command: str
    placeholders: Sequence[str]
    versions: dict[str, Any]


def model_card(
    data: ModelCardData,
    *,
    config: dict[str, Any],
    parameters: int,
    size: int,
    preprocessing: Preprocessing,
    class_table: ClassTable | None,
    origin: Origin,
    training: Training | None,
    is_adapter: bool = False,
    scores: Mapping[str, str] | None = None,
) -> ModelCard:
    """Write the card.

    Args:
        data: The metadata of every network of the library; the scores are added to it.
        config: The network's configuration.
        parameters: The number of its parameters; those of an adapter are the trained ones.
        size: The size of all its tensors in bytes.
        preprocessing: How its images are read, resized and normalized.
        class_table: Its classes, if known.
        origin: Where the weights of its encoder come from.
        training: How it was trained, if known.
        is_adapter: Whether the file is an adapter, which lacks the encoder's own weights.
        scores: Values in percent, by title, where no more is known of the training.
    """
    network = " on ".join(str(config[key]) for key in ("model", "encoder_name") if config.get(key))
    metadata: dict[str, Any] = {**data.to_dict(), **card_metadata(origin, is_adapter=is_adapter)}  # type: ignore[no-untyped-call]
    if training is not None:
        results = [
            EvalResult(
                task_type="image-segmentation",
                dataset_type=training.data,
                dataset_name=training.data,
                dataset_split=training.split,
                metric_type=title,
                metric_value=float(value),
            )
            for title, value in training.scores.items()
            if value != "-"
        ]
        metadata |= {"model_name": training.run, "eval_results": results}
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    content = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        card_data=ModelCardData(**metadata).to_yaml(),
        network=network,
        config=config,
        parameters=parameters,
        megabytes=size / 1e6,
        preprocessing=preprocessing,
        class_table=class_table,
        origin=origin,
        training=training,
        is_adapter=is_adapter,
        place="FILE" if is_adapter else "FOLDER",
        scores=scores,
    )
    return ModelCard(content)


def addressed(card: str, repository: str) -> str:
    """A card whose examples name the repository of the model.

    Example:
        >>> addressed("    feedbackward predict FOLDER IMAGES", "someone/leaves")
        '    feedbackward predict someone/leaves IMAGES'
    """
    return _PLACE.sub(repository, card)
