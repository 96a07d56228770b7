"""Train the networks of a study with one recipe and write its table.

    python benchmarks/study cityscapes --data CITYSCAPES              # the paper's Table 1
    python benchmarks/study camvid --data CAMVID [--form full]        # the comparison on CamVid

An interrupted study resumes where it stopped. Arguments after -- are passed to every `feedbackward fit`.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import networks  # noqa: F401  (registers them)
from plan import SIZES, camvid, cityscapes
from report import write_camvid, write_cityscapes
from rich.console import Console
from runs import at_best_rates, plan_runs, train

from feedbackward.errors import InputError

DOCS = Path(__file__).parents[2] / "docs" / "study"


def main(args: list[str] | None = None) -> None:
    """Run a study, or the rest of an interrupted one."""
    args = sys.argv[1:] if args is None else args
    own, more = (args[: args.index("--")], args[args.index("--") + 1 :]) if "--" in args else (args, [])
    options = _parser().parse_args(own)
    # Each form has its own folders: a run of one form must not count or be resumed as a run of the other.
    name = options.study if options.study == "cityscapes" else f"camvid_{options.form}"
    folder = options.output / name
    results = (options.results or DOCS) / name
    if options.study == "cityscapes":
        rows, arguments = cityscapes(), more
    else:
        height, width = SIZES[options.form]
        rows, arguments = camvid(options.form), ["--data.size", f"[{height},{width}]", *more]
    unknown = set(options.rows or ()) - {row.name for row in rows}
    if unknown:
        sys.exit(f"unknown row {', '.join(sorted(unknown))}; expected some of {', '.join(row.name for row in rows)}")

    console = Console()
    try:
        runs = plan_runs(rows, arguments, seeds=options.seeds, folder=folder, results=results)
    except InputError as error:
        sys.exit(f"error: {error}")
    asked = [run for run in runs if options.rows is None or run.row.name in options.rows]
    work = partial(train, data=options.data, processes=options.processes, say=console.print)
    first = [run for run in runs if run.seed == options.seeds[0]]
    failed = work([run for run in first if run in asked])
    better = at_best_rates(first)
    again = [run for run in runs if run not in first and better.get(run.row.network) == run.row]
    failed += work([run for run in again if run in asked])
    finished = sorted((run for run in [*first, *again] if run.result.exists()), key=lambda run: rows.index(run.row))
    if finished:
        table = results.with_suffix(".md")
        if options.study == "cityscapes":
            write_cityscapes(finished, data=options.data, path=table, say=console.print)
        else:
            write_camvid(finished, form=options.form, data=options.data, path=table)
        console.print(f"{table}: {len(finished)} of {len(first) + len(again)} runs")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=("cityscapes", "camvid"))
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--form", choices=tuple(SIZES), default="reduced", help="form of the CamVid study")
    parser.add_argument("--rows", type=lambda names: names.split(","), help="train only these: NAME,NAME")
    seeds = (
        "each network is trained from all of these at its better learning rate, at the other one only from the first"
    )
    parser.add_argument(
        "--seeds", type=lambda seeds: [int(seed) for seed in seeds.split(",")], default=[0, 1], help=seeds
    )
    parser.add_argument(
        "--processes", type=int, default=1, help="number of networks that train at a time, one thread each"
    )
    parser.add_argument("--output", type=Path, default=Path("runs/study"), help="folder of the run folders")
    parser.add_argument("--results", type=Path, help="folder of the results and the table (default: docs/study)")
    return parser


if __name__ == "__main__":
    main()
