"""The base class of all networks of the library: how they are called, described, saved and loaded."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import ModelCard, ModelHubMixin
from jaxtyping import Float
from safetensors.torch import save_model
from torch import Tensor, nn

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.hub_files import CONFIG_FILE, WEIGHTS_FILE
from feedbackward.models.card import Training, model_card
from feedbackward.models.encoder import check_count
from feedbackward.models.origin import UNKNOWN, Origin
from feedbackward.nn import Coarse, refuse_single_values
from feedbackward.preprocessing import Preprocessing
from feedbackward.task import Task, class_tasks

FORMAT = 4
"""The version of the description of a network in config.json and checkpoints; other versions are refused."""


class SegmentationNetwork(
    nn.Module,
    ModelHubMixin,
    library_name="feedbackward",
    pipeline_tag="image-segmentation",
    tags=["semantic-segmentation"],
):
    """An nn.Module from preprocessed images (N, C, H, W) to logits (N, classes, H, W), for any H and W.

    Args:
        config: The options from which the network is rebuilt, as plain JSON data; "model" names its class in NETWORKS.
        preprocessing: How its images are read, resized and normalized.

    Attributes:
        preprocessing: As given; saved with the network.
        class_table: The names and colors of its classes, if known; saved with the network.
        origin: Where the weights of its encoder come from, and their license, as far as known; saved with the network.

    Raises:
        InputError: If there are no classes.
    """

    def __init__(self, config: dict[str, Any], preprocessing: Preprocessing) -> None:
        super().__init__()
        check_count("classes", config["classes"])
        self._config = config
        self.preprocessing = preprocessing
        self.class_table: ClassTable | None = None
        self.origin: Origin = UNKNOWN

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call forward; training on a batch in which a norm sees a single value is refused."""
        if self.training and args and len(args[0]) == 1:
            with refuse_single_values(self, args[0]):
                return super().__call__(*args, **options)
        return super().__call__(*args, **options)

    @property
    def config(self) -> dict[str, Any]:
        """The options from which the network is rebuilt, with its preprocessing."""
        return {**self._config, "preprocessing": self.preprocessing.to_dict()}

    @property
    def classes(self) -> int:
        """The number of classes, two for each of several that overlap."""
        return int(self._config["classes"])

    @property
    def tasks(self) -> tuple[Task, ...]:
        """One for each class if the classes overlap, otherwise none."""
        return class_tasks(self.class_table)

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        return next(self.parameters()).device

    @property
    def smallest(self) -> int:
        """The smallest height and width that an exported file accepts, in pixels."""
        return 1

    outputs_logits = True

    def padded_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size itself: the network pads images where it needs to."""
        return size

    def logits(self, image: Float[Tensor, "n c h w"]) -> Float[Tensor, "n classes h w"]:
        """The logits of preprocessed images."""
        found: Tensor = self(image)
        return found

    def coarse_logits(self, _: Float[Tensor, "n c h w"], /) -> Coarse | None:
        """None: not all networks interpolate their logits in the end."""
        return None

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Enable gradient checkpointing: training stores fewer values and recomputes them.

        Raises:
            InputError: If this network does not support it.
        """
        if enable:
            raise InputError(f"{self._config['model']} has no gradient checkpointing; feedbackward networks have it")

    @classmethod
    def from_config(cls, config: dict[str, Any], *, encoder: nn.Module | None = None) -> "SegmentationNetwork":
        """Build the network that a saved configuration describes, with random weights and its own preprocessing.

        Args:
            config: The configuration, without the preprocessing.
            encoder: The encoder, for a network that was built on a module of your own.
        """
        if encoder is not None:
            raise InputError(f"{config['model']} is built by name; omit encoder")
        options = {key: value for key, value in config.items() if key != "model"}
        return cls(**options, encoder_weights=None)  # type: ignore[call-arg]

    def describe(self) -> dict[str, Any]:
        """The description of the network in config.json and checkpoints, as plain JSON data."""
        table = None if self.class_table is None else self.class_table.to_dict()
        return {"format": FORMAT, **self.config, "class_table": table, "origin": self.origin.to_dict()}

    def generate_model_card(self, training: Training | None = None) -> ModelCard:
        """The model card that save_pretrained writes next to the weights.

        Args:
            training: How the network was trained and its scores, if known.
        """
        return model_card(
            self._hub_mixin_info.model_card_data,
            config=self.config,
            parameters=sum(parameter.numel() for parameter in self.parameters()),
            size=sum(tensor.nbytes for tensor in self.state_dict().values()),
            preprocessing=self.preprocessing,
            class_table=self.class_table,
            origin=self.origin,
            training=training,
        )

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], *, training: Training | None = None, **others: Any
    ) -> None:
        """Write config.json, model.safetensors and, where there is none yet, the model card README.md into a folder.

        Args:
            save_directory: The folder, which is made if it is missing.
            training: How the network was trained and its scores, for the card.
            others: Other arguments of huggingface_hub's save_pretrained, which are refused.

        Raises:
            InputError: If there are other arguments.
        """
        if others:
            raise InputError(
                f"save_pretrained only writes a folder and takes no {', '.join(others)}; publish the network with "
                f'push_to_hub("OWNER/NAME")'
            )
        super().save_pretrained(Path(save_directory), model_card_kwargs={"training": training})

    def push_to_hub(  # type: ignore[override]
        self, repository: str, *, private: bool | None = None, branch: str | None = None, token: str | None = None
    ) -> str:
        """Publish the network on the hub; arguments, result and errors as in feedbackward.push_to_hub."""
        from feedbackward.models.sharing import push_to_hub

        return push_to_hub(self, repository, private=private, branch=branch, token=token)

    def _save_pretrained(self, save_directory: Path) -> None:
        with tempfile.TemporaryDirectory(dir=save_directory, prefix=".saving-") as folder:
            save_model(self, f"{folder}/{WEIGHTS_FILE}")
            Path(folder, CONFIG_FILE).write_text(json.dumps(self.describe(), indent=2) + "\n")
            # safetensors makes its files private; give the weights the permissions of the configuration.
            Path(folder, WEIGHTS_FILE).chmod(Path(folder, CONFIG_FILE).stat().st_mode)
            for name in (WEIGHTS_FILE, CONFIG_FILE):
                Path(folder, name).replace(save_directory / name)

    @classmethod
    def from_pretrained(cls, source: str | os.PathLike[str], **options: Any) -> Any:  # type: ignore[override]
        """Load a network of this class; arguments and errors as in feedbackward.from_pretrained."""
        from feedbackward.models.hub import from_pretrained

        network = from_pretrained(source, **options)
        if not isinstance(network, cls):
            raise InputError(f"{source} is a {type(network).__name__}, not a {cls.__name__}; use fb.from_pretrained")
        return network
