"""LightningCLI over SegmentationTask and the data sets, with run folders, recipes by name and exported files."""

import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from jsonargparse import ArgumentError, Namespace
from jsonargparse.typing import NonNegativeFloat
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities import rank_zero_only
from rich import get_console
from rich.text import Text

from feedbackward.classes import check_classes
from feedbackward.cli.fit_checks import (
    check_early_stopping,
    check_first_batch,
    check_optimizer,
    check_resumable,
    check_scored_part,
    check_seed,
    check_shares,
    check_trainer,
    check_validation,
    check_validation_interval,
    explaining_trainer,
    image_options,
    input_error,
    take_exported,
)
from feedbackward.cli.fit_options import CONFIG_OPTIONS, TRUST, Command, explain_fit
from feedbackward.cli.prediction_options import add_augment, augment_of, reading_difference
from feedbackward.cli.trusted_imports import explain_denied, importing, take_trust
from feedbackward.data import SegmentationDataModule, find_source
from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import FailureError, InputError, listed, one_line, printable
from feedbackward.io import check_apart, check_target, write_json
from feedbackward.metrics import Scores
from feedbackward.models.builders import PRESETS
from feedbackward.models.checkpoint import read_checkpoint
from feedbackward.models.encoder import IMAGENET
from feedbackward.preprocessing import Preprocessing
from feedbackward.processes import is_lost_connection, launched_devices
from feedbackward.segmenters.augmented import Augmented
from feedbackward.training.best_and_last import BestAndLast, restore_best
from feedbackward.training.checkpoint_files import CheckpointFiles
from feedbackward.training.class_weights import Scheme, read_masks, set_class_weights, weights_from_masks
from feedbackward.training.console import EpochLines, print_scores
from feedbackward.training.early_stopping import EarlyStopping, has_stopped
from feedbackward.training.first_batch import FirstBatch
from feedbackward.training.history import History
from feedbackward.training.interruption import Interruption
from feedbackward.training.not_finite import NotFiniteError, save_batch
from feedbackward.training.pictures import Pictures
from feedbackward.training.portable import data_name
from feedbackward.training.precision import BFLOAT16, is_faster_in_bfloat16
from feedbackward.training.recipes import AUTO, find_recipe, recipe_for
from feedbackward.training.results import RunResults
from feedbackward.training.run_folder import PlannedRun, RunFolder
from feedbackward.training.sync_norms import SyncNorms
from feedbackward.training.task import SegmentationTask
from feedbackward.training.trackers import open_trackers, tracker_names

# Advice of Lightning that does not apply: all logs are per epoch here, the recipe chooses the number of workers, frozen
# encoders are in evaluation mode, scoring needs none of the training's callbacks, and our datamodules go on within an
# epoch. The others are deprecations that Lightning's own calls cause.
QUIET = (
    r"The number of training batches .* is smaller than the logging interval",
    r"The '.*_dataloader' does not have many workers",
    r"Found \d+ module\(s\) in eval mode at the start of training",
    r"Be aware that when using `ckpt_path`, callbacks used to create the checkpoint",
    r"You're resuming from a checkpoint that ended before the epoch ended",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    r"\s*By default only one JsonargparseDeprecationWarning",
    r"\s*``instantiate_classes`` was deprecated",
)


class FitCLI(LightningCLI):
    """Parses the arguments of one command and builds its parts; run() does the work.

    Args:
        command: "fit", "validate" or "test".
        args: The arguments after the command.

    Raises:
        InputError: If an argument, the recipe, the run folder or the checkpoint cannot be used.
    """

    def __init__(self, command: Command, args: list[str]) -> None:
        self.command = command
        args, self.trusted = take_trust(args)
        self.recipe = ""
        self.image_options = image_options(args)
        self.trained: Preprocessing | None = None
        self.best_epoch: int | None = None  # of a training that is resumed
        self.chosen = ""
        # To the parser --model is the group of the task's arguments, so the exported file is taken out first.
        args, self.exported = take_exported(args) if command != "fit" else (args, None)
        try:
            with importing(args, trusted=self.trusted):
                super().__init__(
                    SegmentationTask,
                    SegmentationDataModule,
                    subclass_mode_data=True,
                    save_config_callback=None,
                    seed_everything_default=0,
                    parser_kwargs={"exit_on_error": False, "allow_abbrev": False, "prog": f"feedbackward {command}"},
                    args=args,
                    run=False,
                    auto_configure_optimizers=False,
                    load_from_checkpoint_support=False,
                )
        except ArgumentError as error:
            raise (explain_denied(str(error)) or InputError(explain_fit(error, command, args))) from error
        except MisconfigurationException as error:  # of Lightning's early stopping
            raise InputError(f"{one_line(error)}; correct that option") from error
        except ValueError as error:  # the parser wraps the errors of constructors
            cause = input_error(error)
            if cause is None:
                raise
            raise cause from None

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Adds the run folder, the checkpoint and early stopping, and links the data's classes to the task."""
        parser.add_argument("--run_dir", type=Path | None, help="Folder of the run; by default runs/RECIPE.")
        parser.add_argument(
            "--ckpt_path",
            type=str | None,
            help="What to resume from (fit: 'last' or a file) or to score (validate, test: 'best', 'last' or a file; "
            "'best' is the default).",
        )
        parser.add_argument(
            "--checkpoint_minutes",
            type=NonNegativeFloat,
            default=10,
            help="Age of the last checkpoint, in minutes, after which a training writes one within an epoch; 0 for one "
            "after every step. One is written at the end of every epoch too.",
        )
        parser.add_argument(
            "--class_weights",
            type=Scheme | None,
            help="Weights of the classes in the loss of a training, from its masks; equal by default.",
        )
        parser.add_argument("--data_name", type=str | None, help="Name of the data set in cards, reports and trackers.")
        parser.add_argument(
            "--tracker",
            type=str | None,
            help="Where to log a training: csv (default), tensorboard, wandb, mlflow, trackio; several with commas "
            "between them.",
        )
        if self.command != "fit":
            parser.add_argument("--json", type=Path | None, help="JSON file to write the scores to.")
            add_augment(parser)
        parser.add_lightning_class_args(EarlyStopping, "early_stopping")
        parser.set_defaults(
            {
                "early_stopping.monitor": "val/mean_iou",
                "early_stopping.mode": "max",
                "early_stopping.patience": 20,
                "early_stopping.check_on_train_epoch_end": False,
            }
        )
        parser.link_arguments("data.class_table", "model.class_table", apply_on="instantiate")
        parser.link_arguments("data.scoring", "model.scoring", apply_on="instantiate")
        parser.link_arguments("data.preprocessing", "model.preprocessing", apply_on="instantiate")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parses the command line, with recipes and data sets found by name."""
        assert isinstance(args, list)
        self.config = parser.parse_args(self._resolve_names(args))
        check_seed(self.config.seed_everything)

    def _resolve_names(self, args: list[str]) -> list[str]:
        chosen = partial(self._find_recipe, auto=partial(_recipe_for, args))
        find: dict[str, Callable[[str], str]] = {**dict.fromkeys(CONFIG_OPTIONS, chosen), "--data": _find_datamodule}
        resolved = list(args)
        for index, arg in enumerate(args):
            option, equals, value = arg.partition("=")
            if option not in find:
                continue
            if equals:
                resolved[index] = f"{option}={find[option](value)}"
            elif index + 1 < len(args):
                resolved[index + 1] = find[option](args[index + 1])
        return resolved

    def _find_recipe(self, name_or_file: str, *, auto: Callable[[], str]) -> str:
        path = find_recipe(auto() if name_or_file == AUTO else name_or_file)
        # Of several configs the first names the run; a run's own config.yaml goes by the name of its folder.
        self.recipe = self.recipe or (path.parent.name if path.name == "config.yaml" else path.stem)
        return str(path)

    def before_instantiate_classes(self) -> None:
        """Checks the run folder and the checkpoint before any work is done."""
        check_trainer(self.config.trainer)
        if self.command == "fit" and not self.config.trainer.fast_dev_run:
            check_validation(self.config.trainer)
            check_early_stopping(self.config.early_stopping)
        elif self.command != "fit":
            check_scored_part(self.config.trainer, self.command)
        self.trackers = self._tracker_names()
        self.folder = RunFolder(self.config.run_dir or Path("runs") / (self.recipe or "run"))
        self.ckpt_path = None if self.exported else self._find_checkpoint(self.config.ckpt_path)
        self.config.run_dir, self.config.ckpt_path = self.folder.root, None
        self._show_preset()
        self.described = self.config.clone()
        if self.exported is not None:
            self.trained = self.exported.preprocessing
        if self.ckpt_path is not None:
            checkpoint = read_checkpoint(self.ckpt_path)
            if self.command == "fit":
                check_resumable(checkpoint, self.ckpt_path)
                self._check_progress(checkpoint)
            self.trained = Preprocessing.from_dict(checkpoint["feedbackward"]["network"]["preprocessing"])
        if self.ckpt_path is not None or self.exported is not None:
            self.config.model.encoder_weights = self.config.model.start_from = None  # they come from the file
        if self.command == "fit":
            source = None if self.ckpt_path is None else self.ckpt_path.resolve().parent
            resumed = self.ckpt_path if source == self.folder.checkpoints.resolve() else None
            self.planned = PlannedRun(self.folder, resumed=resumed)
        elif self.config.json is not None:
            check_target(self.config.json, option="--json")
            self._check_apart({"--json": self.config.json})

    def _check_apart(self, targets: dict[str, Path]) -> None:
        """Refuse files that would replace what is scored."""
        for file in self.folder.results:
            check_apart(targets, {"the training": file})
        read = {"the checkpoint": self.ckpt_path, "the data set": self.config.data.get("init_args.root")}
        check_apart(targets, read)

    def _tracker_names(self) -> list[str]:
        """The trackers of a training, unless it has loggers of its own, none, or is a trial run."""
        trainer, names = self.config.trainer, self.config.tracker
        if names is not None and trainer.logger is not None:
            raise InputError(f"--tracker {names} and trainer.logger are both given; give one of them")
        if self.command != "fit" or trainer.fast_dev_run or trainer.logger not in (None, True):
            return []
        return tracker_names(names or "csv")

    def _show_preset(self) -> None:
        """Replaces the defaults by a preset's own options, so that the saved configuration says what is trained."""
        model, preset = self.config.model, PRESETS.get(self.config.model.name)
        if preset is not None and DecoderConfig(**model.decoder.as_dict()) == DecoderConfig():
            model.decoder = Namespace(preset.decoder.to_dict())  # type: ignore[no-untyped-call]
            model.encoder_norm = model.encoder_norm or preset.encoder_norm

    def _find_checkpoint(self, ckpt_path: str | None) -> Path | None:
        if self.command != "fit":
            ckpt_path = ckpt_path or "best"
        elif ckpt_path == "last" and self.folder.config.is_file() and not any(self.folder.checkpoints.glob("*.ckpt")):
            if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
                get_console().print(Text(f"{self.folder.root} has no checkpoint yet; starting anew"), soft_wrap=True)
            return None
        if ckpt_path in ("best", "last"):
            return self.folder.checkpoint(ckpt_path)
        return None if ckpt_path is None else Path(ckpt_path)

    def _check_progress(self, checkpoint: dict[str, Any]) -> None:
        history = checkpoint["callbacks"]["History"]
        self.best_epoch = history["best"] and history["best"]["epoch"]
        done, limit = len(history["epochs"]), self.config.trainer.max_epochs
        stopping = [state for name, state in checkpoint["callbacks"].items() if name.startswith("EarlyStopping")]
        patience = self.config.early_stopping.patience
        if any(has_stopped(state, patience=patience) for state in stopping):
            reason, option = "early stopping ended it", "--early_stopping.patience"
        elif limit is not None and -1 < limit <= done:
            reason, option = f"trainer.max_epochs is {limit}", "--trainer.max_epochs"
        else:
            return
        # After a crash that followed the last epoch, only the network and the report are missing.
        assert self.ckpt_path is not None
        own = self.ckpt_path.resolve() == self.folder.last.resolve()
        if not own or self.folder.report.exists() or (limit is not None and -1 < limit < done):
            raise InputError(
                f"{self.ckpt_path} has finished {done} epochs and {reason}; nothing is left to train: raise {option}"
            )

    @property
    def full_config(self) -> str:
        """The config.yaml of the run: what was given and what was chosen."""
        return str(self.parser.dump(self.described, skip_unset=False))

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        """Adds the callbacks of the command; its trackers are opened when the data has been checked."""
        settings = self.config_init.trainer
        show_bar = settings.enable_progress_bar is not False and get_console().is_terminal
        callbacks = [*_as_list(settings.callbacks), *([RichProgressBar()] if show_bar else [])]
        own_logger = settings.logger not in (None, True)
        self.history = History()
        if self.command == "fit":
            kwargs["precision"] = self._choose_precision()
            callbacks += self._fit_callbacks()
        kwargs["plugins"] = [
            *_as_list(settings.plugins),
            *([SyncNorms()] if settings.sync_batchnorm else []),
            *([CheckpointFiles()] if self.command == "fit" else []),
        ]
        if settings.devices == "auto" and (counts := launched_devices()):
            kwargs["devices"], kwargs["num_nodes"] = counts
        with explaining_trainer():
            return super().instantiate_trainer(
                **kwargs,
                callbacks=callbacks,
                logger=settings.logger if own_logger else False,
                default_root_dir=self.folder.root,
                enable_checkpointing=self.command == "fit",
                enable_progress_bar=show_bar,
                enable_model_summary=False,
            )

    def _choose_precision(self) -> Any:
        """The precision of a training; where none is given, bfloat16 on a processor that is faster with it.

        A training that is resumed keeps its own.
        """
        trainer = self.config.trainer
        is_open = trainer.precision is None and not trainer.plugins and isinstance(trainer.strategy, str)
        on_cpu = trainer.accelerator == "cpu" or (
            trainer.accelerator == "auto" and not torch.accelerator.is_available()
        )
        if is_open and self.ckpt_path is None and on_cpu and is_faster_in_bfloat16(self.model.network):
            trainer.precision = self.described.trainer.precision = BFLOAT16
            self.chosen = (
                "training in bfloat16, which is faster on this processor; for float32 give --trainer.precision 32-true"
            )
        return trainer.precision

    def _fit_callbacks(self) -> list[pl.Callback]:
        if self.config.trainer.fast_dev_run:  # a trial run, which writes nothing
            return [self.history, EpochLines(self.history)]
        if decoder := self.model.network.config.get("decoder"):
            self.described.model.decoder.retrace = decoder["retrace"]
        self.results = RunResults(
            self.folder, self.history, config=self.full_config, model=self.config.model.name, data=self._data_name()
        )
        interruption = Interruption()
        return [
            interruption,
            self.history,
            EpochLines(self.history),
            self.results,
            FirstBatch(self.folder),
            Pictures(),
            BestAndLast(self.folder, self.history, interruption, minutes=self.config.checkpoint_minutes),
        ]

    @property
    def _resume_command(self) -> str:
        """Resuming reads the run's configuration, which is trusted anew."""
        return f"{self.folder.resume_command}{f' {TRUST}' if self.trusted else ''}"

    def _data_name(self) -> str:
        return self.config.data_name or data_name(self.config.data)

    def run(self) -> None:
        """Runs the command and prints its scores."""
        self._read_images_as_trained()
        if self.command == "fit":
            self._fit()
            return
        if self.exported is not None:
            check_classes(self.exported.class_table, self.model.class_table, of="exported file")
            self.model.segmenter = self.exported
        if augment := augment_of(self.config):
            self.model.segmenter = Augmented(self.model.segmenter, augment)
        act = self.trainer.validate if self.command == "validate" else self.trainer.test
        try:
            act(self.model, self.datamodule, ckpt_path=self.ckpt_path, verbose=False, weights_only=True)
        except MisconfigurationException as error:  # of a limit that is less than one batch
            raise InputError(f"--trainer: {one_line(error).removesuffix('.')}; correct that option") from error
        if self.trainer.is_global_zero:
            stage, title = ("val", "validation") if self.command == "validate" else ("test", "test")
            scores = self.model.results[stage]
            scores.notes[:0] = self._part_note(stage)
            print_scores(scores, title=f"{title}, {self.ckpt_path or 'exported file'}")
            if self.config.json is not None:
                write_json(self.config.json, scores.to_dict())

    def _part_note(self, stage: str) -> list[str]:
        """Says that only a part of the images was scored, if so."""
        trainer = self.trainer
        loader, batches = (
            (trainer.val_dataloaders, trainer.num_val_batches)
            if stage == "val"
            else (trainer.test_dataloaders, trainer.num_test_batches)
        )
        assert loader is not None
        images = len(loader.dataset)
        scored = min(images, int(sum(batches)) * trainer.world_size * self.datamodule.eval_batch_size)
        if scored == images:
            return []
        option = "fast_dev_run" if self.config.trainer.fast_dev_run else f"limit_{stage}_batches"
        return [f"These are the scores of {scored} of the {images} images only, because of trainer.{option}"]

    def _read_images_as_trained(self) -> None:
        """A network is scored on images as in its training, unless an option says otherwise; differences are printed.

        A training that is resumed follows its recipe.
        """
        if self.trained is None:
            return
        network = self.model.network
        network.preprocessing = self.trained.reading_as(network.preprocessing)  # its normalization, if it had another
        difference = reading_difference(self.datamodule.preprocessing, self.trained)
        if difference and self.command != "fit" and not self.image_options:
            difference = f"{difference}, and is scored on those"
            self.datamodule.preprocessing = self.trained.without_normalization()
            network.preprocessing = network.preprocessing.reading_as(self.trained)
        if difference and self.trainer.is_global_zero:
            get_console().print(Text(difference), soft_wrap=True)

    def _print_start(self) -> None:
        """Says what the license of the weights forbids, what was chosen, and which classes keep their classifier."""
        kept = self.model.kept_classes
        if not self.trainer.is_global_zero:
            return
        for line in (self.model.network.origin.restriction, self.chosen):
            if line:
                get_console().print(Text(line), soft_wrap=True)
        if kept is None:
            return
        new = [name for name in self.model.class_table.names if name not in kept]
        parts = [
            f"classifier {what} {listed(names)}" for what, names in (("kept for", kept), ("new for", new)) if names
        ]
        get_console().print(Text(f"started from {self.config.model.start_from}: {', '.join(parts)}"), soft_wrap=True)

    def _weight_classes(self) -> None:
        scheme, table = self.config.class_weights, self.model.class_table
        if scheme is None:
            return
        weights = weights_from_masks(read_masks(self.datamodule.training_set), table, scheme)
        set_class_weights(self.model.loss, weights)
        if self.trainer.is_global_zero:
            shown = (f"{name} {weight:.3g}" for name, weight in zip(table.names, weights.tolist(), strict=True))
            get_console().print(Text(f"class weights: {listed(shown, most=30)}"), soft_wrap=True)

    def _fit(self) -> None:
        check_optimizer(self.model)
        self._print_start()
        self.datamodule.setup("fit")
        self._weight_classes()
        if not self.config.trainer.sync_batchnorm:
            check_first_batch(self.model.network, self.datamodule)
        if not self.config.trainer.fast_dev_run:
            check_shares(self.config.trainer, self.datamodule, self.trainer.world_size)
            check_validation_interval(self.trainer, self.config.trainer.val_check_interval, self.datamodule)
        trial = bool(self.config.trainer.fast_dev_run)
        writes = rank_zero_only.rank == 0 and not trial  # type: ignore[attr-defined]
        with self.folder.lock() if writes else nullcontext():
            if writes:
                self.planned.check_unchanged()
            if writes and self.ckpt_path is not None and self.best_epoch is not None:
                restore_best(self.folder, self.ckpt_path, self.best_epoch)
            if self.trackers:
                self.trainer.loggers = open_trackers(self.trackers, self.folder.root, project=self._data_name())
            self._run_trainer()
            if not trial:
                self._finish()

    def _run_trainer(self) -> None:
        """Trains; if the training fails, says what is left of it."""
        try:
            self.trainer.fit(self.model, self.datamodule, ckpt_path=self.ckpt_path, weights_only=True)
        except SystemExit:
            if not self.trainer.interrupted:
                raise
            if self.trainer.is_global_zero and self.folder.last.is_file():
                text = f"interrupted; resume with: {self._resume_command}"
                get_console().print(Text(text), soft_wrap=True)
            raise KeyboardInterrupt from None
        except NotFiniteError as error:
            saved = self.folder.failed_batch(self.trainer.global_rank)
            if error.batch is not None:
                save_batch(error.batch, saved)
            self.trainer.strategy.barrier()  # torchrun ends the others, which may be saving theirs, when one ends
            if not self.trainer.is_global_zero:  # all processes end for one reason, which one of them says
                raise SystemExit(1) from error
            several = self.trainer.world_size > 1
            where = f"batches are in {self.folder.root / 'failed_batch*.npz'}" if several else f"batch is in {saved}"
            raise FailureError(f"{error}; the {where}{self._what_is_left()}") from error
        except (InputError, FailureError) as error:
            raise type(error)(f"{printable(error)}{self._what_is_left()}") from error
        except OSError as error:
            raise FailureError(f"{error}{self._what_is_left()}") from error
        except RuntimeError as error:
            if self.trainer.world_size == 1 or not is_lost_connection(error):
                raise
            if self.trainer.global_rank > 1:  # rank 0 reports it; rank 1 too, in case rank 0 is the one that died
                raise SystemExit(1) from error
            found = f"the connection to the other processes was lost ({one_line(error)})"
            raise FailureError(f"{found}{self._what_is_left()}") from error

    def _what_is_left(self) -> str:
        if not self.folder.last.is_file():
            return "; no checkpoint had been written"
        return f"; the last checkpoint is {self.folder.last}, go on from it with: {self._resume_command}"

    def _finish(self) -> None:
        """Writes the network and the report, and prints the scores, in the first process."""
        if not self.trainer.is_global_zero:
            return
        best = self.history.best
        if best is None:
            raise InputError(
                f"the training ended before its first validation, so there are no scores and no best network in "
                f"{self.folder.root}; train for longer or validate more often: --trainer.check_val_every_n_epoch 1"
            )
        get_console().print("looking at each validation image once more, for the report")
        self.results.finish(self.model, self.datamodule)
        print_scores(Scores.from_dict(best), title=f"validation, {self.history.summary}")
        if self.folder.adapter.exists():
            size = self.folder.adapter.stat().st_size / 1e3
            get_console().print(Text(f"adapter: {self.folder.adapter} ({size:.0f} KB)"), soft_wrap=True)
        get_console().print(Text(f"report: {self.folder.report}"), soft_wrap=True)


def _as_list(parts: Any) -> list[Any]:
    """An option of the trainer that takes one part or a list of them."""
    return parts if isinstance(parts, list) else [] if parts is None else [parts]


def _find_datamodule(value: str) -> str:
    """The class path of a data set's datamodule; class paths, YAML and files are returned unchanged."""
    return find_source(value).datamodule if value.isidentifier() else value


def build_task(args: list[str]) -> tuple[SegmentationTask, SegmentationDataModule]:
    """The task of a run with the weights of its best checkpoint, and its data set.

    Args:
        args: The arguments of `feedbackward validate`.

    Raises:
        InputError: As `run` does.
    """
    with _quiet():
        cli = FitCLI("validate", args)
        assert cli.ckpt_path is not None
        cli.model.load_state_dict(read_checkpoint(cli.ckpt_path)["state_dict"])
    return cli.model, cli.datamodule


def run(command: Command, args: list[str]) -> None:
    """Run one of the three commands.

    Args:
        command: "fit", "validate" or "test".
        args: The arguments after the command.

    Raises:
        InputError: If an argument, the recipe, the data, the run folder or the checkpoint cannot be used.
    """
    with _quiet():
        FitCLI(command, args).run()


@contextmanager
def _quiet() -> Iterator[None]:
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings(), _log_on_console():
        for message in QUIET:
            warnings.filterwarnings("ignore", message=message)
        yield


@contextmanager
def _log_on_console() -> Iterator[None]:
    """Print the log of the library, such as the numbers of images and of loaded tensors, from one process."""
    logger, handler = logging.getLogger("feedbackward"), logging.StreamHandler(sys.stdout)
    handler.addFilter(rank_zero_only(lambda _: True, default=False))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _recipe_for(args: Sequence[str]) -> str:
    """The recipe that suits the encoder's weights on the command line, ImageNet's if there are none."""
    pairs = [(*arg.split("=", 1), value)[:2] for arg, value in zip(args, [*args[1:], ""], strict=True)]
    given = {option: value for option, value in pairs if option.startswith("--")}
    weights = given.get("--model.encoder_weights", IMAGENET)
    frozen = given.get("--model.freeze_encoder", "false")
    return recipe_for(None if weights in ("null", "None") else weights, freeze_encoder=frozen not in ("false", "False"))
