"""An SVG diagram of any encoder and its decoder side by side, as in Figures 1 and 2 of the paper.

"Feedbackward Decoding for Semantic Segmentation" (Wang et al.), Section 4.
"""

from collections.abc import Sequence
from itertools import groupby

from feedbackward.viz.decoder_rows import KEPT, Row
from feedbackward.viz.diagram_layout import PITCH, Kind, Line, Mark, lines, place
from feedbackward.viz.svg import Sheet

WIDTH = 800
LEFT, RIGHT = 230, 585
"""The horizontal positions of the encoder, which runs down, and of the decoder, which runs up."""
LOGITS, TOP = 142, 158
"""The vertical positions of the logits and of the first mark's upper end, below the title and the legend."""
BOX, CHARACTERS = 236, 35
"""The width of a box, and the number of characters that fit into it."""
HALF: dict[Kind, float] = {"image": 12, "layer": 12, "resize": 9, "merge": 8, "skip": 0}
"""Half the height of a mark of the encoder."""
JOINT = 7
"""The radius of the decoder's circles."""
SHORT = {"upsample": "↑", "sum of signals": "Σ"}
"""Signs for actions whose words do not fit into a layer's box."""
SYMBOLS = {"add": "+", "sub": "−", "mul": "×", "cat": "‖"}


def draw(rows: Sequence[Row], *, title: str, classes: int) -> str:
    """Draw encoder and decoder as an SVG, 800 pixels wide.

    Args:
        rows: The result of `decoder_rows`.
        title: The title above the diagram.
        classes: Number of classes.

    Returns:
        The text of a self-contained SVG file.
    """
    turn, *nodes = rows
    marks = place(nodes[::-1], top=TOP)
    sheet = Sheet(width=WIDTH, height=marks[-1].y + 74)
    _bands(sheet, marks)
    _legend(sheet, title, marks)
    for line in lines(marks, decoder=False):
        sheet.path(_down(line, marks), "flow" if HALF[marks[line.target].kind] else "flow bare")
    for line in lines(marks, decoder=True):
        sheet.path(_up(line, marks), "flow" if _half(marks[line.source]) else "flow bare")
    _turn(sheet, turn, marks[-1])
    for mark in marks:
        _encoder_mark(sheet, mark)
        if mark.end is not None:
            _end(sheet, mark, mark.end, marks[0].row, classes)
        elif mark.reached:
            _decoder_mark(sheet, mark)
    return str(sheet)


def _bands(sheet: Sheet, marks: list[Mark]) -> None:
    """Draw a stripe in the background for the marks of each resolution."""
    image = marks[0].size
    for index, (size, group) in enumerate(groupby(marks, key=lambda mark: mark.size)):
        band = list(group)
        top, bottom = (end.y + sign * PITCH[end.kind] / 2 for end, sign in ((band[0], -1), (band[-1], 1)))
        above = 0 if index else TOP - LOGITS + 20
        sheet.rect(0, top - above, WIDTH, bottom - top + above, "paper" if index % 2 else "band")
        sheet.label(10, top + 13, f"1/{round(image[0] / size[0])}", "text")
        if bottom - top > 28:
            sheet.label(10, top + 25, "×".join(map(str, size)))


def _legend(sheet: Sheet, title: str, marks: list[Mark]) -> None:
    sheet.label(WIDTH / 2, 26, title, "title middle")
    styles = {_style(mark.row.weight) for mark in marks if mark.row.weight is not None}
    entries = [
        ("encoder", "encoder layer"),
        *[("kept", "the same weight, axes kept")] * ("kept" in styles),
        *[("swapped", "the same weight, channel axes swapped")] * ("swapped" in styles),
        ("new", "classifier"),
    ]
    x = (WIDTH - sum(34 + 5.4 * len(text) for _, text in entries)) / 2
    for style, text in entries:
        sheet.rect(x, 40, 16, 12, f"box {style}", radius=2)
        sheet.label(x + 21, 50, text)
        x += 34 + 5.4 * len(text)
    layers = {action for mark in marks if mark.row.weight is not None for action in mark.row.actions}
    signs = "".join(f"  {sign} {word}." for word, sign in SHORT.items() if word in layers)
    updated = any("low-rank update" in mark.row.actions for mark in marks)
    own = f"{'a low-rank update and ' if updated else ''}a norm after each decoder layer"
    notes = (
        "Two boxes at the same height share one weight. Violet arrows: skip connections.",
        f"New parameters: {own}, and the classifier.{signs}",
    )
    for y, note in zip((70, 84), notes, strict=True):
        sheet.label(WIDTH / 2, y, note, "small middle")
    sheet.label(LEFT, LOGITS - 28, "encoder", "head middle")
    sheet.label(RIGHT, LOGITS - 28, "decoder", "head middle")


def _box(sheet: Sheet, x: float, y: float, half: float, style: str, left: str, right: str = "") -> None:
    """Draw a box around (x, y) with a text at either end; the left one loses its beginning if both do not fit."""
    sheet.rect(x - BOX / 2, y - half, BOX, 2 * half, f"box {style}", radius=3)
    room = CHARACTERS - 1 - len(right)
    sheet.label(x - BOX / 2 + 8, y + 4, left if len(left) <= room else f"…{left[1 - room :]}", "text")
    sheet.label(x + BOX / 2 - 8, y + 4, right, "right")


def _encoder_mark(sheet: Sheet, mark: Mark) -> None:
    row = mark.row
    if mark.kind == "image":
        _box(sheet, LEFT, mark.y, HALF["image"], "resize", "image", "×".join(map(str, row.shape)))
    elif mark.kind == "layer":
        details = f"{row.operation} ".partition(" ")[2]
        channels = f"{mark.channels} → {row.channels}"
        _box(sheet, LEFT, mark.y, HALF["layer"], "encoder", row.path, f"{details}· {channels}")
    elif mark.kind == "resize":
        _box(sheet, LEFT, mark.y, HALF["resize"], "resize", row.operation)
    elif mark.kind == "merge":
        sheet.circle(LEFT, mark.y, HALF["merge"], "meet")
        sheet.label(LEFT, mark.y + 4, SYMBOLS.get(row.operation, ""), "middle")
    else:
        sheet.circle(LEFT, mark.y, 2.5, "fork")
        sheet.label(LEFT + 7, mark.y - 3, ", ".join((*mark.between, row.operation)))


def _decoder_mark(sheet: Sheet, mark: Mark) -> None:
    row = mark.row
    words = ", ".join(action for action in row.actions if action != "+ skip")
    if row.weight is not None:
        signs = [SHORT[action] for action in row.actions if action in SHORT]
        # The text omits how the weight is used: the color of the box shows it.
        actions = (action.partition(" (")[0] for action in row.actions if action not in SHORT)
        words = " ".join((*signs, ", ".join(actions)))
        channels = f"{row.channels} → {mark.channels}"
        _box(sheet, RIGHT, mark.y, HALF["layer"], _style(row.weight), words, channels)
    elif mark.kind == "resize":
        _box(sheet, RIGHT, mark.y, HALF["resize"], "resize", words)
    elif row.skip or row.gate:
        start = LEFT + HALF[mark.kind]
        sheet.path(f"M{start:g},{mark.y:g} H{RIGHT - JOINT:g}", "join gate" if row.gate else "join skip")
        sheet.circle(RIGHT, mark.y, JOINT, "joint")
        sheet.label(RIGHT, mark.y + 4, "×" if row.gate else "+", "middle")
        sheet.label(RIGHT + 12, mark.y + 11, words)
    else:
        sheet.label(RIGHT - 7, mark.y + 4, words, "small right")


def _end(sheet: Sheet, mark: Mark, end: Row, image: Row, classes: int) -> None:
    """Draw the classifier where the decoder ends, and the logits at the height of the image."""
    half = HALF["layer"]
    channels = f"{end.channels} → {classes}"
    sheet.path(f"M{RIGHT},{mark.y - half:g} V{LOGITS + half:g}", "flow")
    if end.size != image.size:
        sheet.label(RIGHT + 8, LOGITS + half + 18, "bilinear interpolation")
    _box(sheet, RIGHT, mark.y, half, "new", ", ".join((*end.actions, "classifier")), channels)
    _box(sheet, RIGHT, LOGITS, half, "resize", "logits", "×".join(map(str, (classes, *(image.size or ())))))


def _turn(sheet: Sheet, turn: Row, last: Mark) -> None:
    start, deep = last.y + HALF[last.kind], last.y + 44
    end = last.y + (JOINT if last.row.skip else HALF[last.kind])
    curve = f"M{LEFT},{start:g} V{deep - 16:g} Q{LEFT},{deep:g} {LEFT + 16},{deep:g} H{RIGHT - 16}"
    sheet.path(f"{curve} Q{RIGHT},{deep:g} {RIGHT},{deep - 16:g} V{end:g}", "flow")
    sheet.label((LEFT + RIGHT) / 2, deep + 15, f"U-turn: {', '.join(turn.actions)}", "middle")


def _down(line: Line, marks: list[Mark]) -> str:
    """The path of the encoder's value from one mark to another."""
    upper, lower = marks[line.source], marks[line.target]
    halves = HALF[upper.kind], HALF[lower.kind]
    if line.lane is None:
        return f"M{LEFT},{upper.y + halves[0]:g} V{lower.y - halves[1]:g}"
    start, end = (LEFT - _reach(half) for half in halves)
    out = LEFT - BOX / 2 - 10 - 7 * line.lane
    return (
        f"M{start:g},{upper.y + _aside(upper, halves[0]):g} H{out:g} V{lower.y - _aside(lower, halves[1]):g} H{end:g}"
    )


def _up(line: Line, marks: list[Mark]) -> str:
    """The path of the decoder's signal, in the opposite direction."""
    upper, lower = marks[line.source], marks[line.target]
    halves = _half(upper), _half(lower)
    if line.lane is None:
        return f"M{RIGHT},{lower.y - halves[1]:g} V{upper.y + halves[0]:g}"
    end, start = (RIGHT + _reach(half) for half in halves)
    out = RIGHT + BOX / 2 + 10 + 7 * line.lane
    return (
        f"M{start:g},{lower.y - _aside(lower, halves[1]):g} H{out:g} V{upper.y + _aside(upper, halves[0]):g} H{end:g}"
    )


def _reach(half: float) -> float:
    """Half the width of a mark of that height: boxes are higher than circles."""
    return BOX / 2 if half > HALF["merge"] else half


def _aside(mark: Mark, half: float) -> float:
    """How far from a mark's center a line around others begins or ends, so that two of them do not overlap."""
    return 4 if half > JOINT or mark.kind == "merge" else 0


def _half(mark: Mark) -> float:
    """Half the height of a mark of the decoder."""
    if mark.end is not None:
        return HALF["layer"]
    if mark.row.skip or mark.row.gate:
        return JOINT
    return HALF[mark.kind] if mark.row.weight or mark.kind == "resize" else 0


def _style(weight: str | None) -> str:
    return "kept" if weight == KEPT else "swapped"
