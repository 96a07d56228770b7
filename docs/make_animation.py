"""Draws docs/images/forward_and_back.svg: a signal goes through an encoder and back through the same weights.

Names, shapes and the use of each weight are those of a traced graph. The animation is CSS: a program that does not run
it, or a reader who asks for less motion, sees the whole figure. Run: python docs/make_animation.py
"""

import base64
import io
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from four_layers import FourLayers
from numpy.typing import NDArray
from PIL import Image

from feedbackward.data.cityscapes_labels import CITYSCAPES, TRAIN_IDS
from feedbackward.decoder_config import PAPER
from feedbackward.streets import draw_scene
from feedbackward.transform import trace, transpose
from feedbackward.viz.decoder_rows import SWAPPED, Row, decoder_rows

PICTURE = Path(__file__).parent / "images" / "forward_and_back.svg"
WIDTH, HEIGHT = 1060, 424
SECONDS = 15
SIZE = (64, 128)
"""Height and width of the image from which the shapes follow."""
SCENE = 27
"""The seed of the street."""
ENCODER, DECODER = 148, 298
"""The heights of the two lanes."""
TOP, BOTTOM, PILLAR = 84, 362, 62
"""The upper and lower ends of the boxes of weights, through which both lanes lead, and their width."""
IMAGE_WIDTH = 136
MASK, CLASSIFIER, SIGNAL = 90, 181, 270
"""The horizontal centers of image and mask, of the classifier and of the last signal."""
CELL = 8
"""The size of a cell of a weight's matrix."""
ROWS = 6
STYLE = """
svg { --ink: #1f2933; --soft: #5b6875; --paper: #fbfcfe; --edge: #dfe5ec; --lane: #ccd4dd; --plate: #ffffff;
  --there: #1f6fb2; --there-soft: #d5e8f8; --back: #c65d00; --back-soft: #fbe3c8; --new: #2f8132; --new-soft: #bfe6ba;
  --skip: #7a3fa0 }
@media (prefers-color-scheme: dark) { svg { --ink: #e6ebf1; --soft: #a9b4c0; --paper: #1b222b; --edge: #303a46;
  --lane: #46525f; --plate: #262f3a; --there: #6db5f2; --there-soft: #1d3c57; --back: #f5a04c; --back-soft: #56381a;
  --new: #7fcf7d; --new-soft: #224a26; --skip: #c79af0 } }
text { font: 16px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: var(--ink) }
.paper { fill: var(--paper); stroke: var(--edge) }
.middle { text-anchor: middle } .title { font-size: 20px; font-weight: 600 } .small { font-size: 14px }
.there { fill: var(--there) } .back { fill: var(--back) } .soft { fill: var(--soft) }
.number { font-size: 13px; font-weight: 600 }
.lane, .trail, .comet { fill: none; stroke-linecap: round } .lane { stroke: var(--lane); stroke-width: 3 }
.trail { stroke-width: 3 } .comet { stroke-width: 9; opacity: 0 }
path.there { stroke: var(--there) } path.back { stroke: var(--back) }
.skip { fill: none; stroke: var(--skip); stroke-width: 2; stroke-dasharray: 5 5 } .tip { fill: var(--skip) }
.plate { stroke-width: 1.4 } .plate.there { stroke: var(--there); fill: var(--there-soft) }
.plate.back { stroke: var(--back); fill: var(--back-soft) } .picture { stroke: var(--soft); fill: none }
.weight { fill: var(--plate); stroke: var(--soft); stroke-width: 1.5 } .cell { fill: var(--ink) }
.glow { fill: none; stroke-width: 4; opacity: 0 } .glow.there { stroke: var(--there) }
.glow.back { stroke: var(--back) }
.own { fill: var(--new-soft); stroke: var(--new); stroke-width: 1.5 }
.step { opacity: 0 }
"""


@dataclass
class Clock:
    """The times of the animation: a light travels at constant speed over the upper lane, the turn and the lower lane.

    Args:
        start: Where the upper lane begins.
        turn: Where both lanes end.
        end: Where the lower lane ends, to the left.
    """

    start: float
    turn: float
    end: float
    rules: list[str] = field(default_factory=list)

    FIRST, LAST, REST = 3.0, 84.0, 97.0
    """When the light starts and arrives, and when everything fades, in percent."""

    @property
    def arc(self) -> float:
        """The length of the turn."""
        return math.pi * (DECODER - ENCODER) / 2

    def forward(self, x: float) -> float:
        """When the light passes x on the upper lane."""
        return self.after(x - self.start)

    def back(self, x: float) -> float:
        """When the light passes x on the lower lane."""
        return self.after(self.turn - self.start + self.arc + self.turn - x)

    def after(self, distance: float) -> float:
        """When the light has traveled so far."""
        whole = self.turn - self.start + self.arc + self.turn - self.end
        return self.FIRST + (self.LAST - self.FIRST) * distance / whole

    def animated(self, *frames: tuple[float, str]) -> str:
        """A new style class with these keyframes: percent and declarations."""
        name = f"k{len(self.rules)}"
        keys = " ".join(f"{at:.4g}% {{ {what} }}" for at, what in frames)
        self.rules.append(f"@keyframes {name} {{ {keys} }} .{name} {{ animation: {name} {SECONDS}s linear infinite }}")
        return name

    def appear(self, at: float, dim: float = 0.15) -> str:
        """A class for what is dim until the light arrives."""
        before, after = f"opacity: {dim}", "opacity: 1"
        return self.animated((0, before), (at, before), (at + 2, after), (self.REST, after), (100, before))

    def flash(self, at: float) -> str:
        """A class for what shows only while the light passes."""
        dark = "opacity: 0"
        return self.animated((0, dark), (at - 2.5, dark), (at, "opacity: 1"), (at + 4, dark), (100, dark))

    def show(self, begin: float, end: float) -> str:
        """A class for what shows between two times."""
        dark, light = "opacity: 0", "opacity: 1"
        return self.animated((0, dark), (begin, dark), (begin + 1, light), (end - 1, light), (end, dark), (100, dark))


def page() -> str:
    """The text of the SVG."""
    layers, values = traced()
    widths = [IMAGE_WIDTH * (value.size[1] / SIZE[1]) ** 0.6 for value in values if value.size]
    x, boxes, centers = SIGNAL + IMAGE_WIDTH / 2, list[float](), [float(SIGNAL)]
    for width in widths[1:]:
        boxes.append(x + 28 + PILLAR / 2)
        centers.append(boxes[-1] + PILLAR / 2 + 14 + width / 2)
        x = centers[-1] + width / 2
    clock = Clock(start=MASK + IMAGE_WIDTH / 2, turn=x, end=MASK + IMAGE_WIDTH / 2 + 2)
    drawn = [_head(clock)]
    drawn += [_box(*both, clock) for both in zip(layers, values, boxes, strict=False)]
    drawn += [_lanes(clock)]
    drawn += [_skip(x, clock) for value, x in zip(values, centers, strict=True) if value.skip]
    drawn += [_plates(*both, clock) for both in zip(values, centers, widths, strict=True)]
    drawn += [_pictures(clock), _legend(), _captions(clock)]
    moving = "@media (prefers-reduced-motion: no-preference) {\n" + "\n".join(clock.rules) + "\n}\n"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        "<title>An image goes through the weights of an encoder, and back through the same weights</title>\n"
        f"<style>{STYLE}{moving}</style>\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def traced() -> tuple[list[Row], list[Row]]:
    """The rows of the layers, and those of the values between them, in the order of the encoder."""
    encoder = trace(FourLayers())
    rows = decoder_rows(encoder, transpose(encoder, PAPER), size=SIZE, in_channels=3)[:0:-1]
    return [row for row in rows if row.weighted], [row for row in rows if row.skip or not row.inputs]


def _head(clock: Clock) -> str:
    return (
        f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="12"/>\n'
        '<text class="title" x="24" y="38">Each weight of the encoder is used twice</text>\n'
        f'<text class="middle there" x="{(clock.start + clock.turn) / 2:g}" y="64">encoder →</text>\n'
        f'<text class="middle back" x="{(clock.start + clock.turn) / 2:g}" y="388">← decoder</text>'
    )


def _lanes(clock: Clock) -> str:
    radius = (DECODER - ENCODER) / 2
    deep = f"{clock.turn + radius * 0.7:g},{(ENCODER + DECODER) / 2:g}"
    there = f"M{clock.start:g},{ENCODER} H{clock.turn:g} A{radius * 0.7:g},{radius:g} 0 0 1 {deep}"
    back = f"M{deep} A{radius * 0.7:g},{radius:g} 0 0 1 {clock.turn:g},{DECODER} H{clock.end:g}"
    half = clock.after(clock.turn - clock.start + clock.arc / 2)
    drawn = [f'<path class="lane" d="{there}"/><path class="lane" d="{back}"/>']
    for name, path, begin, end in (("there", there, clock.FIRST, half), ("back", back, half, clock.LAST)):
        hidden, done = (
            "stroke-dasharray: 1 1.1; stroke-dashoffset: 1.05",
            "stroke-dasharray: 1 1.1; stroke-dashoffset: 0",
        )
        trail = clock.animated(
            (0, hidden), (begin, hidden), (end, done), (clock.REST, done), (99.9, hidden), (100, hidden)
        )
        spot = [f"stroke-dasharray: .045 2; stroke-dashoffset: {offset}" for offset in (0, -0.955)]
        comet = clock.animated(
            (0, f"{spot[0]}; opacity: 0"),
            (begin, f"{spot[0]}; opacity: 0"),
            (begin + 0.01, f"{spot[0]}; opacity: 1"),
            (end, f"{spot[1]}; opacity: 1"),
            (end + 0.01, f"{spot[1]}; opacity: 0"),
            (100, f"{spot[1]}; opacity: 0"),
        )
        drawn.append(f'<path class="trail {name} {trail}" pathLength="1" d="{path}"/>')
        drawn.append(f'<path class="comet {name} {comet}" pathLength="1" d="{path}"/>')
    return "\n".join(drawn)


def _box(layer: Row, value: Row, x: float, clock: Clock) -> str:
    """The box of a weight, which contains it as a matrix, and the norm of the decoder."""
    there, back = clock.forward(x), clock.back(x)
    frame = f'x="{x - PILLAR / 2:g}" y="{TOP}" width="{PILLAR}" height="{BOTTOM - TOP}" rx="9"'
    columns = max(1, round(ROWS * value.channels / layer.channels))
    left, top = -columns * CELL / 2, -ROWS * CELL / 2
    cells = "".join(
        f'<rect class="cell" x="{left + CELL * column:g}" y="{top + CELL * row:g}" width="{CELL - 1}" '
        f'height="{CELL - 1}" opacity="{0.2 + 0.8 * ((3 * row + 5 * column) % 7) / 7:.2f}"/>'
        for row in range(ROWS)
        for column in range(columns)
    )
    matrix = cells
    if layer.weight == SWAPPED:  # turned over about its diagonal
        flat, turned = "transform: scaleX(1)", "transform: scaleX(-1)"
        flip = clock.animated(
            (0, flat), (back - 4, flat), (back, turned), (clock.REST, turned), (clock.REST + 2, flat), (100, flat)
        )
        matrix = f'<g transform="rotate(-45)"><g class="{flip}"><g transform="rotate(45)">{cells}</g></g></g>'
    norm = x - PILLAR / 2 - 12
    return (
        f'<rect class="weight" {frame}/><rect class="glow there {clock.flash(there)}" {frame}/>'
        f'<rect class="glow back {clock.flash(back)}" {frame}/>\n'
        f'<text class="number middle there" x="{x:g}" y="{TOP + 30}">{value.channels}→{layer.channels}</text>\n'
        f'<text class="number middle back {clock.appear(back)}" x="{x:g}" y="{BOTTOM - 20}">'
        f"{layer.channels}→{value.channels}</text>\n"
        f'<g transform="translate({x:g} {(ENCODER + DECODER) / 2:g})">{matrix}</g>\n'
        f'<rect class="own {clock.appear(back, 0.3)}" x="{norm - 4:g}" y="{DECODER - 22}" width="8" '
        'height="44" rx="2"/>'
    )


def _skip(x: float, clock: Clock) -> str:
    seen = clock.appear(clock.back(x) - 3)
    end = DECODER - 48
    return (
        f'<g class="{seen}"><path class="skip" d="M{x:g},{ENCODER + 40} V{end - 9}"/>'
        f'<path class="tip" d="M{x - 5:g},{end - 9} h10 l-5,9 z"/></g>'
    )


def _plates(value: Row, x: float, width: float, clock: Clock) -> str:
    """The feature of the encoder above, the signal of the decoder below; at the image the signal alone."""
    count = 2 + round(math.log2(value.channels) / 2)
    drawn = []
    for name, y, at in (("there", ENCODER, clock.forward(x - width / 2)), ("back", DECODER, clock.back(x + width / 2))):
        if name == "there" and not value.inputs:
            continue
        stack = "".join(
            f'<rect class="plate {name}" x="{x - width / 2 + step:g}" y="{y - width / 4 - step:g}" '
            f'width="{width:g}" height="{width / 2:g}" rx="2"/>'
            for step in (3 * (count / 2 - index) for index in range(count))
        )
        drawn.append(f'<g class="{clock.appear(at)}">{stack}</g>')
    return "\n".join(drawn)


def _pictures(clock: Clock) -> str:
    """The image, the mask, and the classifier before it."""
    scene = draw_scene(SCENE, (IMAGE_WIDTH, 2 * IMAGE_WIDTH))
    colors = np.array([*CITYSCAPES.colors, *[(120, 120, 120)] * (256 - len(CITYSCAPES.colors))], np.uint8)
    mask = colors[TRAIN_IDS[scene.label_ids]]
    at = clock.back(CLASSIFIER)
    return (
        f"{_picture(scene.image, MASK, ENCODER, 'JPEG')}\n"
        f'<text class="middle small" x="{MASK}" y="{ENCODER + 54}">image</text>\n'
        f'<rect class="own {clock.appear(at - 2, 0.3)}" x="{CLASSIFIER - 11}" y="{DECODER - 35}" width="22" '
        'height="70" rx="4"/>\n'
        f'<g class="{clock.appear(clock.back(MASK + IMAGE_WIDTH / 2), 0)}">{_picture(mask, MASK, DECODER, "PNG")}</g>\n'
        f'<rect class="picture" x="{MASK - IMAGE_WIDTH / 2:g}" y="{DECODER - IMAGE_WIDTH / 4:g}" '
        f'width="{IMAGE_WIDTH}" height="{IMAGE_WIDTH // 2}"/>\n'
        f'<text class="middle small" x="{MASK}" y="{DECODER + 54}">mask</text>'
    )


def _picture(pixels: NDArray[np.uint8], x: float, y: float, kind: str) -> str:
    file = io.BytesIO()
    picture = Image.fromarray(pixels)
    if kind == "PNG":
        picture = picture.quantize(32, dither=Image.Dither.NONE)
    picture.save(file, kind, quality=80, optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'<image x="{x - IMAGE_WIDTH / 2:g}" y="{y - IMAGE_WIDTH / 4:g}" width="{IMAGE_WIDTH}" '
        f'height="{IMAGE_WIDTH // 2}" href="data:image/{kind.lower()};base64,{data}"/>'
    )


def _legend() -> str:
    entries = (
        (590, "weight", "weight"),
        (690, "own", "new: norms, classifier"),
        (905, "", "skip connection"),
    )
    drawn = []
    for x, style, text in entries:
        sign = f'<rect class="{style}" x="{x}" y="24" width="18" height="14" rx="3"/>'
        line = f'<path class="skip" d="M{x - 4},31 h24"/>'
        drawn.append(f'{sign if style else line}<text class="small" x="{x + 26}" y="36">{text}</text>')
    return "\n".join(drawn)


def _captions(clock: Clock) -> str:
    """What happens in each phase; without the animation one sentence for all of them."""
    turn, end = clock.forward(clock.turn), clock.back(SIGNAL - IMAGE_WIDTH / 2)
    texts = (
        ("Forward: each weight maps features to the next, coarser ones.", 0, turn),
        ("Turn.", turn, clock.back(clock.turn)),
        ("Back through the same weights, with their channel axes swapped.", clock.back(clock.turn), end),
        ("A small classifier turns the last signal into the mask.", end, clock.REST),
    )
    static = clock.animated((0, "opacity: 0"), (100, "opacity: 0"))
    y = HEIGHT - 14
    words = "Forward through every weight, then back through the same weights with their channel axes swapped."
    drawn = [f'<text class="middle {static}" x="{WIDTH / 2:g}" y="{y}">{words}</text>']
    drawn += [
        f'<text class="middle step {clock.show(begin, stop)}" x="{WIDTH / 2:g}" y="{y}">{text}</text>'
        for text, begin, stop in texts
    ]
    return "\n".join(drawn)


if __name__ == "__main__":
    PICTURE.write_text(page(), encoding="utf-8")
