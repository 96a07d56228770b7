"""What a training's command line refuses, in words that say what to do."""

from itertools import pairwise

from jsonargparse import ArgumentError, Namespace

from feedbackward.errors import InputError
from feedbackward.exporting import ExportedNetwork, load_exported
from feedbackward.training.recipes import list_recipes

CONFIG_FLAGS = ("--config", "-c")


def check_validation(trainer: Namespace) -> None:
    """Refuse a training whose last weights would never be scored; best.ckpt and the report need the scores.

    Raises:
        InputError: If validation is left out, or does not fall on the last epoch.
    """
    if trainer.limit_val_batches == 0:
        raise InputError(
            "trainer.limit_val_batches is 0: without validation there is no best network and no report; leave it out"
        )
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    if every and epochs and epochs > 0 and epochs % every:
        raise InputError(
            f"trainer.check_val_every_n_epoch is {every} and trainer.max_epochs {epochs}: the last weights would never "
            f"be scored; set --trainer.max_epochs {-(-epochs // every) * every} or --trainer.check_val_every_n_epoch 1"
        )


def take_exported(args: list[str]) -> tuple[list[str], ExportedNetwork | None]:
    """The arguments without --model FILE, and that exported file, opened, where it is among them.

    Raises:
        InputError: If it cannot be used, or a checkpoint is to be scored beside it.
    """
    for index, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if flag == "--model":
            rest = args[:index] + args[index + (1 if equals else 2) :]
            if any(other.partition("=")[0] == "--ckpt_path" for other in rest):
                raise InputError("--model names an exported file and --ckpt_path a checkpoint; give one of them")
            return rest, load_exported(value if equals else "".join(args[index + 1 : index + 2]))
    return args, None


def input_error(error: BaseException | None) -> InputError | None:
    """The InputError that an error is or was raised from."""
    while error is not None and not isinstance(error, InputError):
        error = error.__cause__ or error.__context__
    return error


def explain(error: ArgumentError, args: list[str]) -> str:
    """The parser's message without the values that it repeats, and what to do."""
    noise = ("Subtypes:", "Given value", "- Expected a <class 'NoneType'>")
    message = "\n".join(line for line in str(error).splitlines() if not line.strip().startswith(noise))
    if not any(arg.partition("=")[0] in CONFIG_FLAGS for arg in args):
        return f"{message}; name a recipe with --config: {', '.join(list_recipes())}"
    flags = [flag for flag, value in pairwise(args) if value == "null"]
    flags += [arg.removesuffix("=null") for arg in args if arg.endswith("=null")]
    # The parser hands the null of a nested value on as the text "None".
    for group, _, name in (flag.rpartition(".") for flag in flags if flag.count(".") > 1):
        message += f"\nInside a group null is written as {group} '{{{name}: null}}', or in a YAML file"
    return f"{message}\nSet a value as in --data.root DIR; --help and --print_config list them all"
