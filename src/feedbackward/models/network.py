"""What every network of the library has in common: how it is called, described, saved and loaded."""

import json
import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelHubMixin, snapshot_download
from safetensors.torch import load_model, save_model
from torch import nn

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.models.card import Training, model_card
from feedbackward.models.encoder import Normalization, check_positive

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"


class SegmentationNetwork(
    nn.Module,
    ModelHubMixin,
    library_name="feedbackward",
    pipeline_tag="image-segmentation",
    tags=["semantic-segmentation"],
):
    """An nn.Module from normalized images (N, C, H, W) to logits (N, classes, H, W), for any H and W.

    Args:
        config: What builds the network again, plain JSON data: create_model's name under "model", and its options.
        normalization: How its images are normalized.

    Attributes:
        config: As given.
        normalization: As given.
        class_table: The names and colors of its classes, where they are known; saved with the network.
    """

    def __init__(self, config: dict[str, Any], normalization: Normalization) -> None:
        super().__init__()
        check_positive("classes", config["classes"])
        self.config = config
        self.normalization = normalization
        self.class_table: ClassTable | None = None

    @property
    def classes(self) -> int:
        """The number of classes."""
        return int(self.config["classes"])

    @property
    def smallest(self) -> int:
        """The smallest height and width that an exported file takes."""
        return 1

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep less for the backward pass and compute it again there.

        Raises:
            InputError: If this network cannot.
        """
        if enable:
            raise InputError(f"{self.config['model']} has no gradient checkpointing; feedbackward networks have it")

    def generate_model_card(self, training: Training | None = None) -> ModelCard:
        """The model card that save_pretrained writes beside the weights.

        Args:
            training: How the network was trained and what it scored, where that is known.
        """
        return model_card(
            self._hub_mixin_info.model_card_data,
            config=self.config,
            parameters=sum(parameter.numel() for parameter in self.parameters()),
            size=sum(tensor.nbytes for tensor in self.state_dict().values()),
            normalization=self.normalization,
            class_table=self.class_table,
            training=training,
        )

    def _save_pretrained(self, save_directory: Path) -> None:
        table = self.class_table.to_dict() if self.class_table is not None else None
        with tempfile.TemporaryDirectory(dir=save_directory, prefix=".saving-") as folder:
            save_model(self, f"{folder}/{WEIGHTS_FILE}")
            Path(folder, CONFIG_FILE).write_text(json.dumps({**self.config, "class_table": table}, indent=2) + "\n")
            # safetensors makes its files private; the network is as readable as its description.
            Path(folder, WEIGHTS_FILE).chmod(Path(folder, CONFIG_FILE).stat().st_mode)
            for name in (WEIGHTS_FILE, CONFIG_FILE):
                Path(folder, name).replace(save_directory / name)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **options: Any) -> "SegmentationNetwork":
        hub = {key: options.pop(key) for key in HUB_OPTIONS}
        folder = Path(model_id) if Path(model_id).is_dir() else Path(snapshot_download(model_id, **hub))
        # The hub's library hands all of the file to a network that takes any option.
        network = cls(**{name: value for name, value in options.items() if name not in ("model", "class_table")})
        load_model(network, folder / WEIGHTS_FILE, strict=True)
        table = json.loads((folder / CONFIG_FILE).read_text())["class_table"]
        network.class_table = None if table is None else ClassTable.from_dict(table)
        return network.eval()


HUB_OPTIONS = ("revision", "cache_dir", "force_download", "local_files_only", "token")
