"""`feedbackward demo`: the whole job on synthetic streets, within minutes on two cores.

Trains a small encoder's feedbackward network, scores it on scenes it has not seen, and predicts a few of them.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from jsonargparse import ArgumentParser
from rich import get_console
from rich.text import Text

from feedbackward.cli import fit, predict
from feedbackward.errors import InputError
from feedbackward.streets.writing import write_cityscapes
from feedbackward.training.run_folder import RunFolder

RECIPE = "streets_demo"
SIZE = (256, 512)
"""Of the predicted scenes: twice what the recipe trains at, so that there is something to see."""
SCENES = 4


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward demo` and run it."""
    parser = ArgumentParser(prog="feedbackward demo", allow_abbrev=False)
    parser.add_function_arguments(demo, fail_untyped=True)
    demo(**vars(parser.parse_args(args)))


def demo(*, output: Path | None = None) -> None:
    """Train, score and predict on synthetic streets, and end with the scores and the path of the report.

    Args:
        output: Folder of the run; the first free one of runs/demo, runs/demo-2, ... if not given.

    Raises:
        InputError: If the folder cannot be written or is not empty.
    """
    run = RunFolder(output or next(folder for folder in _folders() if not folder.exists()))
    if run.root.exists() and any(run.root.iterdir()):
        raise InputError(f"--output {run.root} is not empty; choose a new folder")
    fit.main("fit", ["--config", RECIPE, "--run_dir", str(run.root)])
    scenes = run.root / "scenes"
    write_cityscapes(scenes, counts={"test": SCENES}, seed=1, size=SIZE)
    images, predictions = scenes / "leftImg8bit" / "test", run.root / "predictions"
    predict.main(["--model", str(run.model), "--source", str(images), "--output", str(predictions), "--scale", "0.5"])
    get_console().print("unseen scenes:", highlight=False)
    fit.main("test", ["--config", RECIPE, "--run_dir", str(run.root)])
    get_console().print(Text(f"pictures: {predictions}\nreport:   {run.report}"), soft_wrap=True)


def _folders() -> Iterator[Path]:
    yield Path("runs/demo")
    yield from (Path(f"runs/demo-{number}") for number in count(2))
