"""Train the networks of a study and write its tables.

    python benchmarks/study claims --data DATA --weights WEIGHTS     # what we claim, from ImageNet weights
    python benchmarks/study cityscapes --data CITYSCAPES             # the paper's Table 1

DATA contains the folders camvid, coffee_leaves and nuclei, WEIGHTS the files vgg16_convolutions.safetensors,
tf_efficientnet_lite0.safetensors and tf_efficientnet_lite2.safetensors. Each network is trained at all of its learning
rates from the first seed, and from the others at the best one. An interrupted study resumes where it stopped.
Arguments after -- are passed to every `feedbackward fit`.
"""

import argparse
import sys
import time
from pathlib import Path

import networks  # noqa: F401  (registers them)
from plan import Group, cityscapes, claims
from report import write_cityscapes, write_group
from rich.console import Console
from runs import Folders, best_runs, first_runs, further_runs, train

from feedbackward.errors import InputError, nearest

DOCS = Path(__file__).parents[2] / "docs" / "study"
STUDIES = {"claims": claims, "cityscapes": cityscapes}


def main(args: list[str] | None = None) -> None:
    """Run a study, or the rest of an interrupted one."""
    args = sys.argv[1:] if args is None else args
    own, more = (args[: args.index("--")], args[args.index("--") + 1 :]) if "--" in args else (args, [])
    options = _parser().parse_args(own)
    groups = [group.with_seeds(options.seeds) for group in STUDIES[options.study]()]
    name = options.study
    if options.full:
        groups, name = [group.in_full() for group in groups], f"{name}_full"
    until = float("inf") if options.minutes is None else time.monotonic() + 60 * options.minutes
    try:
        asked = _asked(groups, options.only)
        results = (options.results or DOCS) / name
        folders = Folders(options.data, options.weights, options.output / name, results)
        failed = _train(asked, more, folders, processes=options.processes, until=until)
        _write(groups, more, folders, study=options.study)
    except InputError as error:
        sys.exit(f"error: {error}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _train(groups: list[Group], more: list[str], folders: Folders, *, processes: int, until: float) -> list[str]:
    """Train group by group, and return the names of the runs that failed."""
    failed = []
    for group in groups:
        first = [first_runs(row, more, folders) for row in group.rows]
        for choose in (lambda runs: runs, further_runs):
            runs = [run for of_row in first for run in choose(of_row)]
            failed += train(runs, processes=processes, until=until, say=Console().print)
    return failed


def _write(groups: list[Group], more: list[str], folders: Folders, *, study: str) -> None:
    """Write the tables of what has been trained."""
    trained = [(group, [best_runs(first_runs(row, more, folders)) for row in group.rows]) for group in groups]
    found = [(group, [runs for runs in rows if runs]) for group, rows in trained]
    found = [(group, rows) for group, rows in found if rows]
    for group, rows in found:
        if study == "cityscapes":
            table = folders.results.with_suffix(".md")
            write_cityscapes(rows, data=folders.data, path=table, say=Console().print)
        else:
            table = folders.results.with_name(f"{folders.results.name}_{group.name}.md")
            write_group(group, rows, path=table)
        Console().print(f"{table}: {sum(map(len, rows))} of {sum(row.seeds for row in group.rows)} runs")


def _asked(groups: list[Group], names: list[str] | None) -> list[Group]:
    """The groups of these names, or those with the rows of these names, without their other rows."""
    if names is None:
        return groups
    known = [name for group in groups for name in (group.name, *(row.name for row in group.rows))]
    for name in names:
        if name not in known:
            raise InputError(f"unknown group or row {name!r}; {nearest(name, known)}")
    asked = [group.only([row for row in group.rows if group.name in names or row.name in names]) for group in groups]
    return [group for group in asked if group.rows]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=tuple(STUDIES))
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set, or of all data sets")
    parser.add_argument("--weights", type=Path, default=Path("weights"), help="folder of ImageNet weights")
    parser.add_argument(
        "--only", type=lambda names: names.split(","), help="train only these groups or rows: NAME,NAME"
    )
    parser.add_argument("--seeds", type=int, default=3, help="the largest number of seeds (default: %(default)s)")
    parser.add_argument(
        "--processes", type=int, default=1, help="number of networks that train at a time, one thread each"
    )
    parser.add_argument("--full", action="store_true", help="larger images and more epochs, for a GPU")
    parser.add_argument("--minutes", type=float, help="start no training after so many minutes")
    parser.add_argument("--output", type=Path, default=Path("runs/study"), help="folder of the run folders")
    parser.add_argument("--results", type=Path, help="folder of the results and the tables (default: docs/study)")
    return parser


if __name__ == "__main__":
    main()
