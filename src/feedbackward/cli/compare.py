"""`feedbackward compare RUN...`: several trainings side by side, as a page."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich import get_console
from rich.table import Column, Table
from rich.text import Text

from feedbackward.cli.fit_options import TRUST
from feedbackward.cli.parser import CommandParser, PlainHelpFormatter, command_parser
from feedbackward.errors import InputError
from feedbackward.io import check_new, check_target, write_text

if TYPE_CHECKING:
    from feedbackward.training.comparison import CommonScenes, Run
    from feedbackward.training.panels import Panels

SCENES = 4


def build_parser() -> CommandParser:
    """The parser of `feedbackward compare`."""
    parser = command_parser(
        "compare",
        "Compare trainings: the options that differ, curves, scores by class, and predictions of the same images.",
        usage="feedbackward compare RUN RUN... [options]",
        formatter_class=PlainHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", type=Path, help="run folders")
    parser.add_argument("--output", type=Path, default=Path("compare.html"), help="page to write (compare.html)")
    parser.add_argument(TRUST, action="store_true", help="let the runs' configurations name classes of any package")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing page")
    return parser


def main(args: list[str]) -> None:
    """Parse the arguments of `feedbackward compare` and run it."""
    options = build_parser().parse_args(args)
    compare(options.runs, options.output, overwrite=options.overwrite, trust_recipe=options.trust_recipe)


def compare(paths: list[Path], output: Path, *, overwrite: bool = False, trust_recipe: bool = False) -> None:
    """Print the scores of several runs and the options that differ, and write the page.

    Args:
        paths: Run folders.
        output: The HTML file to write.
        overwrite: Whether an existing file may be replaced.
        trust_recipe: Let the configurations of the runs name classes of any package, whose code then runs.

    Raises:
        InputError: If there are fewer than two runs, one has no scores or no network, or the page cannot be written.
    """
    from feedbackward.metrics.scores import percent
    from feedbackward.training.comparison import differing_options, read_runs, render_comparison

    if len(paths) < 2:
        raise InputError(f"{len(paths)} run to compare; give at least two run folders")
    check_target(output, option="--output")
    check_new(output, overwrite=overwrite)
    runs = read_runs(paths)
    table = Table("", *(Column(Text(run.name)) for run in runs))
    table.add_row("mean IoU %", *(percent(run.metrics["best"]["scalars"]["mean_iou"]) for run in runs))
    for name, values in differing_options(runs).items():
        table.add_row(Text(name), *(Text(str(value)) for value in values))
    get_console().print(table)
    scenes, panels = _predict_scenes(runs, [TRUST] if trust_recipe else [])
    if scenes.note:
        get_console().print(Text(scenes.note), soft_wrap=True)
    write_text(output, render_comparison(runs, panels, note=scenes.note))
    get_console().print(Text(f"page: {output}"), soft_wrap=True)


def _predict_scenes(runs: "list[Run]", trust: list[str]) -> "tuple[CommonScenes, list[dict[str, Panels]]]":
    """Validation images that all runs have in common, predicted by the best network of each."""
    from feedbackward.cli.fit_cli import build_task
    from feedbackward.training.comparison import common_scenes
    from feedbackward.training.results import predict_panels

    tasks, datasets = [], []
    for run in runs:
        task, data = build_task(["--config", str(run.folder.config), "--run_dir", str(run.folder.root), *trust])
        tasks.append(task)
        datasets.append(data.dataset("val"))
    scenes = common_scenes(datasets, count=SCENES)
    indices = zip(*scenes.indices.values(), strict=True) if scenes.indices else [()] * len(runs)
    return scenes, [predict_panels(*parts) for parts in zip(tasks, datasets, indices, strict=True)]
