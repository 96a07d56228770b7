"""Puts the results of benchmarks/performance.py into docs/performance.md: python docs/make_performance.py."""

import json
import math
from itertools import groupby
from pathlib import Path
from typing import Any

from sections import filled

from feedbackward.transform.chosen_layers import HEAVY

PAGE = Path(__file__).with_name("performance.md")
RESULTS = Path(__file__).with_name("performance")
TARGETS = {
    "mobilenetv2_100": "5 / 3.2",
    "mobilenetv3_large_100": "2.5 / 2.5",
    "efficientnet_b0": "2.5 / 2.5",
    "resnet18": "1.6 / 1.6",
    "resnet50": "1.3 / 1",
    "vgg16_bn": "1.15 / 1.15",
}
"""The target speedups over smp.Unet and smp.FPN on the same encoder."""
ENCODERS = ("efficientnet_b5", "resnet18", "densenet121", "resnet34", "resnet50", "vgg16_bn")
"""Those around the FLOPs from which the decoder has the transitions alone by default."""


def page() -> str:
    """The page, with the table of each benchmark."""
    tables = {path.stem: benchmark(path) for path in sorted(RESULTS.glob("*.json"))}
    own = {"targets": targets(), "defaults": defaults(), "stages": stages(), "training_encoders": precisions()}
    return filled(PAGE, {**tables, **own})


def targets() -> str:
    """The speedups beside their targets.

    Each file has smp.Unet, smp.FPN, ours (all layers, transitions, and on a frozen encoder) and the encoder.
    """
    lines = table("encoder", "target", "all layers", "transitions", "encoder alone", "peak memory", "transitions")
    for encoder, target in TARGETS.items():
        read = json.loads((RESULTS / f"{encoder}.json").read_text(encoding="utf-8"))
        unet, fpn, *ours, _, alone = read["results"]
        times = [one["seconds"] for one in (*ours, alone)]
        speeds = [f"{unet['seconds'] / time:.2f} / {fpn['seconds'] / time:.2f}" for time in times]
        memory = [f"{one['memory']['peak_bytes'] / unet['memory']['peak_bytes']:.2f}" for one in ours]
        lines.append(f"| {' | '.join((encoder, target, *speeds, *memory))} |")
    return "\n".join(lines) + "\n"


def defaults() -> str:
    """All layers and transitions beside smp.Unet, by the FLOPs of the encoder, and which of the two is the default."""
    lines = table(
        "encoder", "FLOPs a pixel", "all layers", "memory", "transitions", "memory", "by default", "frozen", "memory"
    )
    rows = []
    for encoder in ENCODERS:
        read = json.loads((RESULTS / f"{encoder}.json").read_text(encoding="utf-8"))
        unet, _, *ours, frozen, alone = read["results"]
        assert "freeze_encoder" in frozen["name"], f"run: python benchmarks/performance.py {encoder}"
        cells = list[str]()
        for one in (*ours, frozen):
            memory = one["memory"]["peak_bytes"] / unet["memory"]["peak_bytes"]
            cells += [f"{unet['seconds'] / one['seconds']:.2f}", f"{memory:.2f}"]
        per_pixel = alone["flops"] / math.prod(read["size"])
        cells.insert(4, "transitions" if per_pixel > HEAVY else "all")
        rows.append((per_pixel, [encoder, f"{per_pixel:,.0f}", *cells]))
    lines += [f"| {' | '.join(cells)} |" for _, cells in sorted(rows)]
    return "\n".join(lines) + "\n"


def precisions() -> str:
    """A row for each encoder: a training step in float32 and in bfloat16."""
    results = json.loads((RESULTS / "training_encoders.json").read_text(encoding="utf-8"))["results"]
    lines = table("encoder", "float32, ms", "bfloat16, ms", "times as fast", "memory")
    half = len(results) // 2
    for full, short in zip(results[:half], results[half:], strict=True):
        assert full["name"] == short["name"]
        ratios = [f"{full['seconds'] / short['seconds']:.2f}", f"{short['saved_bytes'] / full['saved_bytes']:.2f}"]
        name = full["name"].removeprefix("feedbackward/")
        lines.append(f"| {' | '.join((name, milliseconds(full), milliseconds(short), *ratios))} |")
    return "\n".join(lines) + "\n"


def stages() -> str:
    """A row for each encoder: its time alone, and as multiples of that the times of smp.Unet and of our decoders."""
    results = json.loads((RESULTS / "stages.json").read_text(encoding="utf-8"))["results"]
    starts = [index for index, one in enumerate(results) if one["name"].startswith("timm/")]
    lines = list[str]()
    for start, end in zip(starts, [*starts[1:], len(results)], strict=True):
        alone, unet, *ours = results[start:end]
        lines = lines or table("encoder", "alone, ms", "smp.Unet", *(_options(one["name"]) for one in ours))
        times = [f"{one['seconds'] / alone['seconds']:.2f}" for one in (unet, *ours)]
        lines.append(f"| {' | '.join((alone['name'].removeprefix('timm/'), milliseconds(alone), *times))} |")
    return "\n".join(lines) + "\n"


def _options(name: str) -> str:
    """The options in the name of a network of ours, as the head of a column."""
    options = name.partition("?")[2].replace("&", " ")
    return f"ours, {options}" if options else "ours"


def benchmark(path: Path) -> str:
    """The table of one benchmark."""
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    if "cpu" in results[0]:
        lines = startup(results)
    elif "peaks" in results[0]:
        lines = loading(results)
    elif "points" in results[0]:
        lines = scale(results)
    elif "with_start" in results[0]:
        lines = commands(results)
    elif "precision" in results[0]:
        lines = int8(results)
    elif "threads" in results[0]:
        lines = browser(results)
    else:
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
    """A row for each network's training step in each runtime."""
    lines = table("network", "runtime", "ms per step", "time", "kept for the backward pass, MB", "memory")
    for one in results:
        cells = (
            f"`{one['name']}`",
            one["runtime"],
            milliseconds(one),
            f"{one['seconds'] / results[0]['seconds']:.2f}",
            megabytes(one["saved_bytes"]),
            f"{one['saved_bytes'] / results[0]['saved_bytes']:.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def startup(results: list[dict[str, Any]]) -> list[str]:
    """A row for each command; processor time also as a multiple of the first one's."""
    lines = table("command", "processor time, s", "× import torch", "wall time, s")
    for one in results:
        ratio = one["cpu"] / results[0]["cpu"]
        lines.append(f"| `{one['name']}` | {one['cpu']:.2f} | {ratio:.2f} | {one['wall']:.2f} |")
    return lines


def loading(results: list[dict[str, Any]]) -> list[str]:
    """A row for each loader and number of workers: the first one's rate is 1; and for training without loading."""
    lines = table(
        "images from",
        "workers",
        "images/s",
        "ratio",
        "training, images/s",
        "waiting",
        "memory, MB",
        "after the last epoch",
    )
    first: dict[int, float] = {}
    for one in results:
        cells = [one["name"], str(one["workers"]), "-", "-", "-", "-", "-", "-"]
        if "images_per_second" in one:
            rate, peaks = one["images_per_second"], one["peaks"]
            ratio = rate / first.setdefault(one["workers"], rate)
            cells[2:4] = f"{rate:.0f}", f"{ratio:.2f}"
            cells[6:] = megabytes(peaks[0]), megabytes(peaks[-1])
        if "trained_per_second" in one:
            cells[4:6] = f"{one['trained_per_second']:.2f}", f"{one['waited']:.1%}"
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def commands(results: list[dict[str, Any]]) -> list[str]:
    """A row for each command and what it is compared with: a group's first one is the command. Then the starts."""
    lines, starts = table("", "a second", "with start", "command, relative"), table("first prediction", "seconds")
    for group, rows in groupby(results, key=lambda result: result["group"]):
        of_group = list(rows)
        if group == "first prediction":
            starts += [f"| `{one['name']}` | {one['seconds']:.2f} |" for one in of_group]
            continue
        for one in of_group:
            with_start = "-" if one["with_start"] is None else f"{1 / one['with_start']:.3g}"
            name = f"**{one['name']}**" if one is of_group[0] else one["name"]
            ratio = one["seconds"] / of_group[0]["seconds"]
            lines.append(f"| {name} | {1 / one['seconds']:.3g} | {with_start} | {ratio:.2f} |")
    return [*lines, "", *starts]


def scale(results: list[dict[str, Any]]) -> list[str]:
    """The exponents of each axis, of all measurements and of the last two; then a row for each measurement."""
    lines = table("axis", "from", "to", "time", "last step", "memory", "last step")
    points = table("axis", "number", "ms", "peak, MB")
    for axis in results:
        first, *_, last = axis["points"]
        keys = ("time_exponent", "last_time_exponent", "memory_exponent", "last_memory_exponent")
        cells = (f"{first['number']:,}", f"{last['number']:,}", *(f"{axis[key]:.2f}" for key in keys))
        lines.append(f"| {axis['axis']} | {' | '.join(cells)} |")
        for point in axis["points"]:
            cells = (f"{point['number']:,}", f"{1e3 * point['seconds']:,.1f}", f"{point['peak_bytes'] / 1e6:,.0f}")
            points.append(f"| {axis['axis']} | {' | '.join(cells)} |")
    return [*lines, "", *points]


def browser(results: list[dict[str, Any]]) -> list[str]:
    """A row for each runtime; the first one's time is 1."""
    lines = table("network", "runtime", "ms", "time", "fastest, ms", "time")
    for one in results:
        median, fastest = (f"{one[key] / results[0][key]:.2f}" for key in ("seconds", "fastest"))
        cells = (one["name"], one["runtime"], milliseconds(one), median, f"{1e3 * one['fastest']:.0f}", fastest)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def int8(results: list[dict[str, Any]]) -> list[str]:
    """A row for each file; the speed is relative to the float32 file of the same network."""
    lines = table("network", "file", "ms", "speed", "mean IoU", "file, MB")
    for _, files in groupby(results, key=lambda result: result["name"]):
        of_network = list(files)
        for one in of_network:
            speed = f"{of_network[0]['seconds'] / one['seconds']:.2f}"
            score = f"{100 * one['mean_iou']:.1f}"
            cells = (one["name"], one["precision"], milliseconds(one), speed, score, megabytes(one["file_bytes"]))
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def table(*names: str) -> list[str]:
    """The header of a table."""
    return [f"| {' | '.join(names)} |", "| --- |" + " ---: |" * (len(names) - 1)]


def milliseconds(result: dict[str, Any]) -> str:
    """The median and the quartiles."""
    low, high = result["quartiles"]
    return f"{1e3 * result['seconds']:.0f} ({1e3 * low:.0f}-{1e3 * high:.0f})"


def megabytes(count: int | None) -> str:
    """In megabytes; a dash for None."""
    return "-" if count is None else f"{count / 1e6:.1f}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
