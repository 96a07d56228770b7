"""What `feedbackward inspect` prints: facts about a data set, its classes, and its problems."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from feedbackward.data.encodings import unpack
from feedbackward.errors import listed
from feedbackward.importing.facts import Facts
from feedbackward.importing.inspection import Inspection
from feedbackward.importing.problems import Level

MOST_ROWS = 40
STYLES: dict[Level, str] = {"error": "bold red", "warning": "yellow"}


def print_report(inspection: Inspection, console: Console) -> None:
    """Print facts, classes and problems."""
    facts = inspection.facts
    width = max(len(name) for name, _ in _facts(facts))
    for name, fact in _facts(facts):
        console.print(Text(f"{name:<{width}}  {fact}"), soft_wrap=True)
    if facts.codes.pixels:
        console.print(_table(facts))
    for line in _class_lines(facts):
        console.print(Text(line), soft_wrap=True)
    for problem in inspection.problems:
        level = problem.kind.level
        console.print(Text.assemble((f"{level}:", STYLES[level]), f" {problem}"), soft_wrap=True)
    levels = Counter(problem.kind.level for problem in inspection.problems)
    counts = [f"{levels[level]} {level}{'s' * (levels[level] > 1)}" for level in STYLES if levels[level]]
    console.print(Text(", ".join(counts) or "no problems found"))


def _facts(facts: Facts) -> Iterator[tuple[str, str]]:
    yield "layout", facts.layout
    yield "images", f"{facts.splits.total()}: {_counted(facts.splits)}"
    if facts.sizes:
        smallest, largest = (f(facts.sizes, key=_area) for f in (min, max))
        [(most, count)] = facts.sizes.most_common(1)
        if smallest == largest and len(facts.sizes) == 1:
            yield "sizes", f"all {_size(most)} (height x width)"
        else:
            yield (
                "sizes",
                f"{_size(smallest)} to {_size(largest)} (height x width), most often {_size(most)} ({count} images)",
            )
    for name, counts in (("channels", facts.channels), ("depth", facts.depths), ("formats", facts.formats)):
        if counts:
            parts = [f"{what} in {count}" for what, count in counts.most_common()]
            parts[0] += f" image{'s' * (counts.most_common(1)[0][1] > 1)}"
            yield name, next(iter(counts)) if len(counts) == 1 else ", ".join(parts)


def _table(facts: Facts) -> Table:
    """The values or colors of the masks; of many, the most frequent ones."""
    codes, total = facts.codes, facts.codes.pixels.total()
    table = Table("color" if codes.colors else "value", "class")
    for column in ("share of pixels", "masks"):
        table.add_column(column, justify="right")
    shown = sorted(code for code, _ in codes.pixels.most_common(MOST_ROWS))
    for code in shown:
        name = "" if facts.classes is None else facts.class_of(code)
        row = str(unpack(code)) if codes.colors else str(code), name, _percent(codes.pixels[code] / total)
        table.add_row(*map(Text, row), str(codes.masks[code]))
    rest = codes.pixels.keys() - set(shown)
    if rest:
        share = sum(codes.pixels[code] for code in rest) / total
        table.add_row(Text(f"{len(rest)} others"), "", _percent(share), "")
    return table


def _class_lines(facts: Facts) -> Iterator[str]:
    if facts.classes is None:
        return
    if not facts.named:
        yield "the classes are named after the masks, as no file names them; --classes FILE writes a class file to edit"
    if facts.void_share:
        yield f"void: {_percent(facts.void_share)} of the pixels are ignored"
    for split, names in facts.absent().items():
        if names:
            yield f"classes that never occur{'' if split == 'all' else f' in {split}'}: {listed(names)}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _percent(share: float) -> str:
    """Two digits that count, so that rare classes are not shown as zero."""
    if share and share < 0.0001:
        return "< 0.01 %"
    return f"{100 * share:.2f} %"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]
