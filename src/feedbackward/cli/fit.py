"""`feedbackward fit | validate | test --config RECIPE`: training and scores with LightningCLI.

Help and the check of the options are done here; cli/fit_cli.py, which imports torch and Lightning, does the work.
"""

import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

from docstring_parser import parse

from feedbackward.cli.fit_options import TRUST, Command, check_options
from feedbackward.data.sources import list_sources
from feedbackward.decoder_config import DecoderConfig
from feedbackward.training.recipes import list_recipes

WIDTH, INDENT = 100, 34
EXAMPLES = {
    "fit": """\
  feedbackward fit --config camvid_mobilenetv2 --data.root camvid
  feedbackward fit --config camvid_mobilenetv2 --data folder --data.root mine --run_dir runs/mine
  feedbackward fit --config runs/mine/config.yaml --ckpt_path last""",
    "validate": """\
  feedbackward validate --config camvid_mobilenetv2 --data.root camvid
  feedbackward validate --config runs/mine/config.yaml --json scores.json
  feedbackward validate --config camvid_mobilenetv2 --data.root camvid --model network.onnx""",
    "test": """\
  feedbackward test --config camvid_mobilenetv2 --data.root camvid
  feedbackward test --config runs/mine/config.yaml --ckpt_path last --json scores.json""",
}
SUMMARIES = {
    "fit": "Train a network from a recipe; scores, checkpoints, network and report go to the run folder.",
    "validate": "Score a trained network on the validation images; nothing but the --json file is written.",
    "test": "Score a trained network on the test images; nothing but the --json file is written.",
}
OPTIONS = {
    "--config RECIPE": "name of a recipe, or a YAML file; given several times, later files override",
    "--data.root DIR": "folder of the data set",
    "--data NAME": f"data set other than the recipe's: {', '.join(list_sources())}",
    "--data.batch_size INT": "images in a training batch",
    "--data.size [INT,INT]": "height and width to which images are resized; null keeps them",
    "--run_dir DIR": "folder of the run (default: runs/RECIPE)",
    "--ckpt_path FILE": "what to resume from: last or a file",
    "--seed_everything INT": "seed of all random numbers (default: 0)",
    "--trainer.max_epochs INT": "epochs to train",
    "--trainer.accelerator NAME": "cpu, gpu, ... (default: auto)",
    "--early_stopping.patience INT": "epochs without a better mean IoU after which training ends (default: 20)",
    "--model.name NAME": "encoder of timm (see feedbackward encoders) or preset, such as vgg16_pwn",
    "--model.encoder_weights FILE": "imagenet, a file with weights, or null for random ones",
    "--model.optimizer CLASS": "such as AdamW, then --model.optimizer.lr FLOAT",
    TRUST: "let a YAML file name classes of any package, whose code then runs",
    "--print_config": "print the whole configuration as YAML and exit",
    "--help-all": "all options, from the parser",
}
SCORING_OPTIONS = {
    "--ckpt_path FILE": "what to score: best, last or a file (default: best)",
    "--model FILE": "exported file to score instead of a checkpoint",
    "--flip": "average the probabilities over the image and its flip",
    "--scales S S ...": "average the probabilities over images of these scales, such as 0.75 1 1.25",
    "--json FILE": "file to write the scores to",
}
TRAINING_ONLY = (
    "--data.batch_size",
    "--model.name",
    "--trainer.max_epochs",
    "--early_stopping",
    "--model.encoder_weights",
    "--model.optimizer",
)


def main(command: Command, args: list[str]) -> None:
    """Run one of the three commands.

    Args:
        command: "fit", "validate" or "test".
        args: The arguments after the command.

    Raises:
        InputError: If an argument, the recipe, the data, the run folder or the checkpoint cannot be used.
    """
    if not {"--help", "-h"}.isdisjoint(args):
        sys.stdout.write(help_text(command))
        return
    check_options(command, args)
    from feedbackward.cli.fit_cli import run

    run(command, ["--help" if arg == "--help-all" else arg for arg in args])


def help_text(command: Command) -> str:
    """The most important options; the parser's own help has thousands of lines."""
    options = dict(OPTIONS)
    if command != "fit":
        options = {name: text for name, text in options.items() if not name.startswith(TRAINING_ONLY)}
        options |= SCORING_OPTIONS
    return "\n".join(
        [
            f"usage: feedbackward {command} --config RECIPE [--data.root DIR] [--run_dir DIR] [--OPTION VALUE ...]",
            "",
            SUMMARIES[command],
            "",
            *textwrap.wrap(f"recipes: {', '.join(list_recipes())}", WIDTH, subsequent_indent="  "),
            "",
            *(line for name, text in options.items() for line in _entry(name, text)),
            *(_decoder_options() if command == "fit" else ()),
            "",
            "examples:",
            EXAMPLES[command],
            "",
        ]
    )


def _decoder_options() -> Iterator[str]:
    yield "  --model.decoder.OPTION VALUE    where OPTION is one of"
    types = get_type_hints(DecoderConfig)
    for parameter in parse(DecoderConfig.__doc__ or "").params:
        name, description = parameter.arg_name, " ".join((parameter.description or "").split())
        description = description.split(". ")[0]  # the rest is in --help-all
        default = getattr(DecoderConfig, name)
        yield from _entry(f"  {name} {_plain(types[name])}", f"{description.removesuffix('.')} (default: {default})")


def _plain(annotation: Any) -> str:
    """The values of a type, as a user writes them."""
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    return "|".join(map(_plain, get_args(annotation))) or str(annotation.__name__).upper()


def _entry(name: str, text: str) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - INDENT)
    return [f"  {name:<{INDENT - 2}}{lines[0]}", *(" " * INDENT + line for line in lines[1:])]
