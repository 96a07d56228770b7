"""`feedbackward demo`: training, scores and predictions on synthetic streets, within minutes on two cores."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from rich import get_console
from rich.text import Text

from feedbackward.cli import fit, predict
from feedbackward.cli.parser import CommandParser, command_parser
from feedbackward.errors import InputError

RECIPE = "streets_demo"
SIZE = (256, 512)
"""Height and width of the predicted scenes: twice the training size, so that details are visible."""
SCENES = 4


def build_parser() -> CommandParser:
    """The parser of `feedbackward demo`."""
    parser = command_parser("demo")
    parser.add_function_arguments(demo, fail_untyped=True)
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward demo` and run it."""
    demo(**vars(build_parser().parse_args(args)))


def demo(*, output: Path | None = None) -> None:
    """Train a small network on synthetic streets, score it, predict unseen scenes and print the report's path.

    Args:
        output: Folder of the run; by default the first of runs/demo, runs/demo-2, ... that does not exist.

    Raises:
        InputError: If the folder is not empty or cannot be written.
    """
    from feedbackward.streets.writing import write_cityscapes
    from feedbackward.training.run_folder import RunFolder

    run = RunFolder(output or next(folder for folder in _folders() if not folder.exists()))
    if run.root.exists() and any(run.root.iterdir()):
        raise InputError(f"--output {run.root} is not empty; choose a new folder")
    fit.main("fit", ["--config", RECIPE, "--run_dir", str(run.root)])
    scenes = run.root / "scenes"
    write_cityscapes(scenes, counts={"test": SCENES}, seed=1, size=SIZE)
    images, predictions = scenes / "leftImg8bit" / "test", run.root / "predictions"
    predict.main([str(run.model), str(images), "--output", str(predictions)])
    get_console().print("unseen scenes:", highlight=False)
    fit.main("test", ["--config", RECIPE, "--run_dir", str(run.root)])
    get_console().print(Text(f"pictures: {predictions}\nreport:   {run.report}"), soft_wrap=True)


def _folders() -> Iterator[Path]:
    yield Path("runs/demo")
    yield from (Path(f"runs/demo-{number}") for number in count(2))
