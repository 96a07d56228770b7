"""Training, validation and test steps of a segmentation network, as a LightningModule.

Scores are accumulated as confusion matrices and predictions are dropped after each batch, so the memory of a validation
does not depend on the number of images.
"""

from collections.abc import Callable
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.trainer.states import TrainerFn
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from feedbackward.classes import ClassTable
from feedbackward.data.sources import Scoring
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import FailureError, InputError, listed
from feedbackward.losses import CrossEntropyIoULoss, joint_batch
from feedbackward.losses.overlapping import OverlappingLoss
from feedbackward.metrics import CityscapesMetric, OverlappingMetric, Scores, SegmentationMetric
from feedbackward.metrics.mean_loss import MeanLoss
from feedbackward.metrics.overlapping import metric_of
from feedbackward.models import create_model, list_models
from feedbackward.models.continued import take_weights
from feedbackward.models.feedbackward import EncoderNorm, Freeze
from feedbackward.models.saved import load_network
from feedbackward.nn import DenseCRF, resize_logits
from feedbackward.nn.overlapping import chosen_classes
from feedbackward.preprocessing import Preprocessing
from feedbackward.segmenters.finite import is_finite
from feedbackward.segmenters.normalized import Normalized
from feedbackward.segmenters.refined import Refined
from feedbackward.segmenters.segmenter import Segmenter, check_logits
from feedbackward.segmenters.tiled import Tiled
from feedbackward.training.compatibility import check_checkpoint
from feedbackward.training.not_finite import StepGuard
from feedbackward.training.parameter_groups import LearningRates, apply_factors, parameter_groups
from feedbackward.training.schedules import PolynomialDecay, check_resumed
from feedbackward.training.sync_norms import check_activations

SchedulerCallable = Callable[[Optimizer], LRScheduler]


class SegmentationTask(pl.LightningModule):
    """Trains and scores a network that `create_model` builds.

    Logged after every epoch: train/loss, val/loss, val/mean_iou, val/mean_dice, val/pixel_accuracy, val/mean_precision,
    val/mean_accuracy, and for data in Cityscapes label ids val/iiou_class, val/iou_category, val/iiou_category;
    test/ likewise.

    Args:
        name: timm's name of an encoder, or one of `list_models()`.
        encoder_weights: "imagenet", a file with weights of the encoder, or None to start from scratch.
        start_from: A trained network with the same encoder and decoder, to start from instead of encoder_weights: its
            folder, checkpoint or hub id. Its classifier is kept for the classes of the same names.
        decoder: The options of the decoder; a preset determines them itself.
        encoder_norm: "own" or "batch", see Feedbackward; if None, "own" or that of the preset.
        freeze_encoder: Train only what the decoder has of its own and the classifier; "weights" for the encoder's
            norms too.
        encoder_name: timm's name of the VGG of segnet, fcn8s or deeplab_largefov; VGG-16 if None.
        loss: Called with logits (N, classes, H, W) and mask (N, H, W); cross-entropy plus IoU loss if None. If classes
            overlap, it is called with the two logits and the mask of each image and class, see OverlappingLoss.
        optimizer: Builds the optimizer from the parameters.
        rates: The learning rates of encoder, decoder and head, relative to the optimizer's.
        decay_norms: Apply the optimizer's weight decay to norms and biases too.
        scheduler: Builds a learning rate schedule: PolynomialDecay, which spans the training, or any of torch's with
            its own arguments. Constant if None.
        scheduler_interval: What the schedule counts: a "step" of the optimizer, or an "epoch".
        crf: Refines the logits in `validate` and `test`, but not in the validation of `fit`; its spatial deviations are
            in pixels of the image that the network sees.
        channels_last: Use channels-last memory for images and weights, faster on CPUs and GPUs with tensor cores.
        grad_checkpointing: Enable gradient checkpointing, for feedbackward networks only: the backward pass recomputes
            norms, activations and skip connections.
        skip_nonfinite: The most training batches to leave out because their loss or gradient is infinite or not a
            number; by default the first one ends the training.
        class_table: The classes of the data.
        preprocessing: How the data is read and resized, which is saved with the network; the normalization remains the
            encoder's. By default RGB images that are not resized.
        scoring: "cityscapes" adds the instance and category scores, for data with Cityscapes ids.

    Raises:
        InputError: If the network is unknown or does not support an option, the loss and the classes disagree on
            ignore_index, or a checkpoint does not fit the network or the classes.

    Example:
        >>> from feedbackward.classes import ClassTable
        >>> table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
        >>> task = SegmentationTask(name="test_resnet", class_table=table)
        >>> task.network.classes
        2
    """

    def __init__(
        self,
        *,
        name: str = "mobilenetv2_100",
        encoder_weights: str | None = None,
        start_from: str | None = None,
        decoder: DecoderConfig = DecoderConfig(),  # noqa: B008 - frozen
        encoder_norm: EncoderNorm | None = None,
        freeze_encoder: Freeze = False,
        encoder_name: str | None = None,
        loss: nn.Module | None = None,
        optimizer: OptimizerCallable = torch.optim.Adam,
        rates: LearningRates = LearningRates(),  # noqa: B008 - frozen
        decay_norms: bool = True,
        scheduler: SchedulerCallable | None = None,
        scheduler_interval: Literal["step", "epoch"] = "step",
        crf: DenseCRF | None = None,
        channels_last: bool = False,
        grad_checkpointing: bool = False,
        skip_nonfinite: int = 0,
        class_table: ClassTable,
        preprocessing: Preprocessing = Preprocessing.identity("RGB"),  # noqa: B008 - frozen
        scoring: Scoring = "classes",
    ) -> None:
        super().__init__()
        if skip_nonfinite < 0:
            raise InputError(f"skip_nonfinite is {skip_nonfinite}; expected 0 or more")
        self.network = create_model(
            name,
            classes=class_table.logits,
            encoder_weights=encoder_weights if start_from is None else None,
            in_channels=preprocessing.in_channels,
            decoder=None if decoder == DecoderConfig() and name in list_models() else decoder,  # it has its own
            encoder_norm=encoder_norm,
            freeze_encoder=freeze_encoder,
            encoder_name=encoder_name,
        )
        self.network.class_table = class_table
        self.kept_classes: list[str] | None = None
        if start_from is not None:
            trained = load_network(start_from)
            self.kept_classes = take_weights(self.network, trained)
            self.network.preprocessing = trained.preprocessing
        self.network.preprocessing = self.network.preprocessing.reading_as(preprocessing)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.network.to(memory_format=self.memory_format)
        if grad_checkpointing:
            self.network.set_grad_checkpointing()
        self.segmenter: Segmenter = Normalized(self.network)
        self.loss = CrossEntropyIoULoss(ignore_index=class_table.ignore_index) if loss is None else loss
        _check_ignore_index(self.loss, class_table.ignore_index)
        if class_table.overlapping:
            self.loss = OverlappingLoss(self.loss)
        self.optimizer = optimizer
        self.rates = rates
        self.decay_norms = decay_norms
        self.scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self.crf = crf
        self.class_table = class_table
        self.val_metric = _metric(class_table, scoring)
        self.test_metric = _metric(class_table, scoring)
        self.mean_loss = MeanLoss()
        self.train_loss = MeanLoss()
        self.guard = StepGuard(self, most=skip_nonfinite)
        self._counted: tuple[Tensor, int]  # the loss of the last training batch, and its images
        self.results: dict[str, Scores] = {}
        self.saved_schedules: list[dict[str, Any]] = []

    def forward(self, image: Tensor) -> Tensor:
        """Compute float32 logits (N, classes, H, W) of images (N, C, H, W) in [0, 1], two per overlapping class."""
        return self.segmenter.logits(self._in_memory(image))

    def _in_memory(self, image: Tensor) -> Tensor:
        return image.contiguous(memory_format=self.memory_format)

    def _step(self, batch: dict[str, Any], stage: Literal["train", "val", "test"]) -> dict[str, Tensor]:
        image, mask = batch["image"], batch["mask"]
        # Large images are scored in tiles, as they are predicted.
        own_size = self(image) if stage == "train" else Tiled(self.segmenter).logits(self._in_memory(image))
        if own_size.shape[-2:] != mask.shape[-2:]:
            check_logits(self.segmenter, "resizing")
        logits = resize_logits(own_size, mask.shape[-2:])
        loss: Tensor = self.loss(logits, mask)
        if stage == "train":
            return {"loss": loss}
        self._check_finite(logits, loss, batch)
        self.mean_loss.update(loss, len(image))
        if self.crf is not None and self.trainer.state.fn != TrainerFn.FITTING:
            # Refined.logits would run the network a second time.
            refined = Refined(self.segmenter, self.crf).refine(own_size, image)
            logits = resize_logits(refined, mask.shape[-2:])
        prediction = chosen_classes(logits, overlapping=self.class_table.overlapping)
        metric = self._metric(stage)
        metric.update(prediction, *(batch[name] for name in metric.annotations))
        return {"loss": loss, "prediction": prediction}

    def _check_finite(self, logits: Tensor, loss: Tensor, batch: dict[str, Any]) -> None:
        if is_finite(logits) and loss.isfinite():
            return
        what = "loss is" if is_finite(logits) else "network's logits are"
        found = f"the {what} not finite for {listed(batch['name'])}, so there are no scores"
        if self.trainer.state.fn == TrainerFn.FITTING:
            raise FailureError(f"{found}; lower the learning rate")
        raise InputError(f"{found}; give another network, checkpoint or loss")

    def _metric(self, stage: Literal["val", "test"]) -> SegmentationMetric | OverlappingMetric | CityscapesMetric:
        return self.val_metric if stage == "val" else self.test_metric

    def _finish(self, stage: Literal["val", "test"]) -> None:
        metric = self._metric(stage)
        self.results[stage], loss = metric.compute(), self.mean_loss.compute()
        # The trainer validates in inference mode; states made there could not be updated in a later fit.
        with torch.inference_mode(False):
            metric.reset()
            self.mean_loss.reset()
        self.log(f"{stage}/loss", loss, sync_dist=True)
        for name, value in self.results[stage].scalars.items():
            self.log(f"{stage}/{name}", value, prog_bar=name == "mean_iou", sync_dist=True)

    def on_fit_start(self) -> None:
        """Check what the trainer has made of the network's norms."""
        check_activations(self.network)

    def on_train_epoch_start(self) -> None:
        """Start the mean of the losses; within an epoch that is resumed it comes from the checkpoint."""
        self.train_loss.reset()

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Compute the loss of a batch, of the joint one in several processes.

        Raises:
            NotFiniteError: If it is not finite and no further batch may be left out.
        """
        self.guard.begin(batch, batch_idx)
        with joint_batch():
            loss = self._step(batch, "train")["loss"]
        self._counted = loss.detach(), len(batch["image"])
        self.guard.check_loss(loss.detach())
        return loss

    def on_after_backward(self) -> None:
        """Count the loss, unless the gradient is not finite.

        Raises:
            NotFiniteError: If it is not and no further batch may be left out.
        """
        loss, images = self._counted
        if not self.guard.check_gradient():
            loss, images = torch.zeros_like(loss), 0
        self.train_loss.update(loss, images)

    def on_train_epoch_end(self) -> None:
        """Log the mean of the losses."""
        self.log("train/loss", self.train_loss, prog_bar=True)

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Score a batch; returns loss and prediction, which has the mask's shape, for the callbacks."""
        return self._step(batch, "val")

    def test_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Score a batch, like validation_step."""
        return self._step(batch, "test")

    def on_validation_epoch_end(self) -> None:
        """Compute and log the scores of the validation set."""
        self._finish("val")

    def on_test_epoch_end(self) -> None:
        """Compute and log the scores of the test set."""
        self._finish("test")

    def configure_optimizers(self) -> Any:
        """Return the optimizer and, if there is one, its schedule."""
        groups = parameter_groups(self.network, self.rates, decay_norms=self.decay_norms)
        optimizer = apply_factors(self.optimizer(groups))
        if self.scheduler is None:
            return optimizer
        scheduler = self.scheduler(optimizer)
        if isinstance(scheduler, PolynomialDecay):
            if self.scheduler_interval == "epoch":
                raise InputError("PolynomialDecay counts steps; omit scheduler_interval")
            steps = self.trainer.estimated_stepping_batches
            if steps == float("inf"):
                raise InputError("PolynomialDecay needs an end: set trainer.max_epochs or trainer.max_steps")
            scheduler.set_steps(int(steps))
        check_resumed(scheduler, self.saved_schedules)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": self.scheduler_interval},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the description of the network, as plain data, so that it can be rebuilt without this class.

        The mean loss of an epoch that has not finished is that of all processes.
        """
        with self.train_loss.sync_context():
            loss = {"total": self.train_loss.total, "images": self.train_loss.images}
        checkpoint["feedbackward"] = {
            "network": self.network.describe(),
            "training": {"loss": loss, "skipped": self.guard.skipped},
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint with other classes or another network, before a tensor is copied."""
        check_checkpoint(checkpoint, config=self.network.config, class_table=self.class_table)
        self.saved_schedules = checkpoint.get("lr_schedulers", [])
        training = checkpoint["feedbackward"]["training"]
        self.guard.skipped = training["skipped"]
        if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            device = self.train_loss.device
            self.train_loss.update(torch.zeros((), device=device), 0)  # else compute warns that there is no loss
            self.train_loss.merge_state({name: value.to(device) for name, value in training["loss"].items()})


def _metric(class_table: ClassTable, scoring: Scoring) -> SegmentationMetric | OverlappingMetric | CityscapesMetric:
    return CityscapesMetric() if scoring == "cityscapes" else metric_of(class_table)


def _check_ignore_index(loss: nn.Module, expected: int) -> None:
    """Check every part of a loss that ignores a value: with None or another one, void counts as a class or fails."""
    for part in loss.modules():
        found = getattr(part, "ignore_index", expected)
        if found != expected:
            raise InputError(
                f"the loss ({type(part).__name__}) has ignore_index {found}, but the class table has {expected}; give "
                f"the loss ignore_index={expected}"
            )
