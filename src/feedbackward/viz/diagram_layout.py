"""Layout of the diagram of both passes, from the image down: the position of each mark and the route of each line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from feedbackward.viz.decoder_rows import Row

Kind = Literal["image", "layer", "resize", "merge", "skip"]

PITCH: dict[Kind, float] = {"image": 40, "layer": 32, "resize": 30, "merge": 26, "skip": 24}
"""The height that a mark takes, with the space around it."""
LANES = 6
"""The number of lanes for lines around other marks; further lines share the last one."""


@dataclass(frozen=True)
class Mark:
    """A row at its place in the diagram.

    Args:
        row: The row.
        kind: A box for a layer or a change of resolution, a circle where branches meet, an arrow for a skip connection.
        y: The vertical position of its center.
        sources: The indices of the marks above that the encoder reads here.
        between: The encoder's operations between the first of them and this mark, other than the mark's own.
        channels: The channels of its input.
        size: Its height and width; where the row is not laid out as an image, those of the last mark that was.
        end: The row at which the decoder ends, if that is at this mark.
    """

    row: Row
    kind: Kind
    y: float
    sources: tuple[int, ...]
    between: tuple[str, ...]
    channels: int
    size: tuple[int, int]
    end: Row | None = None

    @property
    def reached(self) -> bool:
        """Whether the decoder's signal gets here."""
        return bool(self.row.signals) or self.end is not None


@dataclass(frozen=True)
class Line:
    """A line from one mark down to another, in the direction of the encoder; the decoder's signal takes it upward.

    Args:
        source: The index of the upper mark.
        target: The index of the lower one.
        lane: None for a straight line, else the lane in which it passes the marks between the two.
    """

    source: int
    target: int
    lane: int | None


def place(rows: Sequence[Row], *, top: float) -> list[Mark]:
    """The marks of an encoder, in the order of the forward pass.

    Args:
        rows: The rows of its nodes, in that order.
        top: The vertical position of the first mark's upper end.
    """
    by_name = {row.name: row for row in rows}
    mark_of, between = dict[str, int](), dict[str, tuple[str, ...]]()
    marks: list[Mark] = []
    for row in rows:
        kind = _kind(row, by_name)
        sources = tuple(dict.fromkeys(mark_of[name] for name in row.inputs))
        first = by_name[row.inputs[0]] if row.inputs else row
        before = between.get(first.name, ())
        if kind is None:
            mark_of[row.name] = sources[0]
            between[row.name] = before if row.operation == "Identity" else (*before, row.operation)
        else:
            mark_of[row.name] = len(marks)
            size = row.size or marks[sources[0]].size
            marks.append(Mark(row, kind, top + PITCH[kind] / 2, sources, before, first.channels, size))
            top += PITCH[kind]
        if row.part == "end":
            here = mark_of[row.name]
            marks[here] = replace(marks[here], end=row)
    return marks


def _kind(row: Row, by_name: dict[str, Row]) -> Kind | None:
    if not row.inputs:
        return "image"
    if not row.signals and row.size is None:
        return None  # a gate is shown where it multiplies, not where it is computed
    if row.weighted:
        return "layer"
    if row.skip:
        return "skip"
    before = by_name[row.inputs[0]].size
    if row.size and before and row.size != before:
        return "resize"
    return "merge" if len(row.inputs) > 1 else None


def lines(marks: Sequence[Mark], *, decoder: bool) -> list[Line]:
    """The lines between the marks of the encoder, or those of the decoder.

    Args:
        marks: The result of `place`.
        decoder: Whether to return only the lines that the signal takes.
    """
    shown = [mark.reached or not decoder for mark in marks]
    pairs = [
        (source, target)
        for target, mark in enumerate(marks)
        for source in mark.sources
        if shown[source] and shown[target]
    ]
    lanes: list[list[tuple[int, int]]] = [[] for _ in range(LANES)]
    found = []
    for source, target in sorted(pairs, key=lambda pair: pair[1] - pair[0]):
        lane = None
        if any(shown[source + 1 : target]):
            free = (i for i, taken in enumerate(lanes) if all(target <= a or b <= source for a, b in taken))
            lane = next(free, LANES - 1)
            lanes[lane].append((source, target))
        found.append(Line(source, target, lane))
    return found
