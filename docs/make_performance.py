"""Takes the races that benchmarks/races.py has run into docs/performance.md: python docs/make_performance.py."""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from places import filled

PAGE = Path(__file__).with_name("performance.md")
RACES = Path(__file__).with_name("performance")
TARGETS = {
    "mobilenetv2_100": "5 / 3.2",
    "mobilenetv3_large_100": "2.5 / 2.5",
    "efficientnet_b0": "2.5 / 2.5",
    "resnet18": "1.6 / 1.6",
    "resnet50": "1.3 / 1",
    "vgg16_bn": "1.15 / 1.15",
}
"""How many times as fast as smp.Unet and smp.FPN on the same encoder a network was to be."""


def page() -> str:
    """The page, with each race's table."""
    return filled(PAGE, {"targets": targets(), **{path.stem: race(path) for path in sorted(RACES.glob("*.json"))}})


def targets() -> str:
    """What the races of encoders show of the targets; each has smp.Unet, smp.FPN, ours, ours by transitions, timm's."""
    lines = table("encoder", "target", "ours", "ours, transitions", "encoder alone", "peak memory", "transitions")
    for encoder, target in TARGETS.items():
        unet, fpn, *others = json.loads((RACES / f"{encoder}.json").read_text(encoding="utf-8"))["results"]
        speeds = [f"{unet['seconds'] / one['seconds']:.2f} / {fpn['seconds'] / one['seconds']:.2f}" for one in others]
        memory = [f"{one['memory']['peak_bytes'] / unet['memory']['peak_bytes']:.2f}" for one in others[:2]]
        lines.append(f"| {' | '.join((encoder, target, *speeds, *memory))} |")
    return "\n".join(lines) + "\n"


def race(path: Path) -> str:
    """The table of one race."""
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    lines = training(results) if "saved_bytes" in results[0] else inference(results)
    return "\n".join(lines) + "\n"


def inference(results: list[dict[str, Any]]) -> list[str]:
    """A row for each network in each runtime."""
    lines = table(
        "network", "runtime", "ms", "speed", "M parameters", "GFLOPs", "of matmul", "file, MB", "loaded, MB", "peak, MB"
    )
    for runtime, entries in groupby(results, key=lambda result: result["runtime"]):
        of_runtime = list(entries)
        for one in of_runtime:
            cells = (
                f"`{one['name']}`",
                runtime,
                milliseconds(one),
                f"{of_runtime[0]['seconds'] / one['seconds']:.2f}",
                f"{one['parameters'] / 1e6:.2f}",
                f"{one['flops'] / 1e9:.1f}",
                f"{one['matmul_share']:.0%}",
                megabytes(one["file_bytes"]),
                *(megabytes(one["memory"] and one["memory"][key]) for key in ("loaded_bytes", "peak_bytes")),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def training(results: list[dict[str, Any]]) -> list[str]:
    """A row for each network's training step."""
    lines = table("network", "ms a step", "time", "kept for the backward pass, MB", "memory")
    for one in results:
        cells = (
            f"`{one['name']}`",
            milliseconds(one),
            f"{one['seconds'] / results[0]['seconds']:.2f}",
            megabytes(one["saved_bytes"]),
            f"{one['saved_bytes'] / results[0]['saved_bytes']:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def table(*names: str) -> list[str]:
    """The head of a table."""
    return [f"| {' | '.join(names)} |", "| --- |" + " ---: |" * (len(names) - 1)]


def milliseconds(result: dict[str, Any]) -> str:
    """The median and the quartiles."""
    low, high = result["quartiles"]
    return f"{1e3 * result['seconds']:.0f} ({1e3 * low:.0f}-{1e3 * high:.0f})"


def megabytes(count: int | None) -> str:
    """In millions of bytes, if there is a number."""
    return "-" if count is None else f"{count / 1e6:.1f}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
