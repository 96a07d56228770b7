"""`feedbackward streets`: synthetic street scenes written as a data set in Cityscapes' layout."""

from pathlib import Path

from jsonargparse import ArgumentParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from feedbackward.cli.size import height_width
from feedbackward.data.datamodule import Split
from feedbackward.streets.writing import write_cityscapes


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward streets` and run it."""
    parser = ArgumentParser(prog="feedbackward streets", allow_abbrev=False)
    parser.add_function_arguments(streets, fail_untyped=True)
    streets(**vars(parser.parse_args(args)))


def streets(
    *,
    output: Path,
    train: int = 20,
    val: int = 5,
    test: int = 0,
    size: str = "1024,2048",
    seed: int = 0,
) -> None:
    """Write synthetic street scenes with their ground truth in Cityscapes' layout.

    Args:
        output: Folder to make; it must be empty if it exists.
        train: Number of training scenes.
        val: Number of validation scenes.
        test: Number of test scenes.
        size: Height and width in pixels, H,W.
        seed: Which streets; any whole number from 0.

    Raises:
        InputError: If anything is wrong with the input; nothing is written then.
    """
    height, width = height_width(size)
    counts: dict[Split, int] = {"train": train, "val": val, "test": test}
    console = Console()
    columns = (TextColumn("drawing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("drawing", total=sum(counts.values()))
        write_cityscapes(
            output, counts=counts, seed=seed, size=(height, width), on_scene=lambda: progress.advance(task)
        )
    written = ", ".join(f"{count} {split}" for split, count in counts.items() if count)
    console.print(Text(f"{output}: {written} scenes of {height}x{width} in Cityscapes' layout"))
