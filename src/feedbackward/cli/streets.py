"""`feedbackward streets`: synthetic street scenes as a data set in the Cityscapes layout."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from feedbackward.cli.console import progress_bar
from feedbackward.cli.parser import CommandParser, command_parser, height_width
from feedbackward.data.arguments import Split
from feedbackward.streets.writing import write_cityscapes


def build_parser() -> CommandParser:
    """The parser of `feedbackward streets`."""
    parser = command_parser("streets")
    parser.add_function_arguments(streets, fail_untyped=True)
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward streets` and run it."""
    streets(**vars(build_parser().parse_args(args)))


def streets(
    *,
    output: Path,
    train: int = 20,
    val: int = 5,
    test: int = 0,
    size: str = "1024,2048",
    seed: int = 0,
) -> None:
    """Write synthetic street scenes with their ground truth in the Cityscapes layout.

    Args:
        output: Folder to create; it must be empty if it exists.
        train: Number of training scenes.
        val: Number of validation scenes.
        test: Number of test scenes.
        size: Height and width in pixels, H,W.
        seed: Seed of the scenes, 0 or more.

    Raises:
        InputError: If an argument is out of range, or the folder has content or cannot be written.
    """
    height, width = height_width(size)
    counts: dict[Split, int] = {"train": train, "val": val, "test": test}
    console = Console()
    with progress_bar("drawing", total=sum(counts.values()), console=console) as advance:
        write_cityscapes(output, counts=counts, seed=seed, size=(height, width), on_scene=advance)
    written = ", ".join(f"{count} {split}" for split, count in counts.items() if count)
    console.print(Text(f"{output}: {written} scenes of {height}x{width} in the Cityscapes layout"))
