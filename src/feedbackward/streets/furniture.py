"""Street furniture: lamp posts, traffic lights, signs, bins, and trees."""

import numpy as np

from feedbackward.streets.canvas import Canvas, Polygon
from feedbackward.streets.colors import RGB, dim, pick
from feedbackward.streets.labels import POLE, STATIC, TRAFFIC_LIGHT, TRAFFIC_SIGN, VEGETATION
from feedbackward.streets.polygons import Corner, disc, flat, upright
from feedbackward.streets.textures import noise, tinted

_METALS = ((0.30, 0.31, 0.32), (0.46, 0.47, 0.48), (0.20, 0.24, 0.22), (0.36, 0.30, 0.25))
_RED, _BLUE, _WHITE, _YELLOW, _BLACK = (
    (0.75, 0.07, 0.08),
    (0.06, 0.22, 0.62),
    (0.93,) * 3,
    (0.92, 0.72, 0.10),
    (0.06,) * 3,
)
_LAMPS = ((0.95, 0.12, 0.10), (0.98, 0.70, 0.12), (0.15, 0.90, 0.45))

Part = tuple[int, list[Polygon]]  # a label and its polygons


def _post(radius: float, height: float, color: RGB) -> list[Polygon]:
    """An upright post with its right half in the shade."""
    return [
        upright(-radius, radius, 0, height, 0, color),
        upright(0.2 * radius, radius, 0, height, 0, dim(color, 0.65)),
    ]


def draw_lamp_post(rng: np.random.Generator, *, side: int) -> list[Part]:
    """Draw a lamp post whose arm reaches over the road."""
    color, height, reach = pick(rng, _METALS), rng.uniform(5.5, 8.5), -side * rng.uniform(1.0, 2.2)
    arm = flat([(0, height - 0.2, 0), (reach, height + 0.2, 0), (reach, height + 0.35, 0), (0, height, 0)], color)
    head = flat(
        [
            (reach, height + 0.12, 0),
            (1.5 * reach, height + 0.22, 0),
            (1.5 * reach, height + 0.4, 0),
            (reach, height + 0.4, 0),
        ],
        dim(color, 1.3),
    )
    foot = upright(-0.24, 0.24, 0, 0.9, 0, dim(color, 0.85))
    return [(POLE, [*_post(rng.uniform(0.13, 0.18), height, color), foot, arm, head])]


def draw_traffic_light(rng: np.random.Generator, *, side: int) -> list[Part]:
    """Draw traffic lights on a post, in half of the cases with a second one on an arm over the road."""
    color, height = pick(rng, _METALS), rng.uniform(2.4, 3.2)
    lit, size = int(rng.integers(3)), rng.uniform(1.1, 1.4)
    parts: list[Part] = [(POLE, _post(0.13, height + 0.2, color))]
    places = [(0.0, height)]
    if rng.random() < 0.5:
        reach, over = -side * rng.uniform(2.4, 3.6), height + 2.6
        arm = flat([(0, over, 0), (reach, over + 0.1, 0), (reach, over + 0.25, 0), (0, over + 0.2, 0)], color)
        parts[0] = (POLE, [*_post(0.14, over + 0.2, color), arm])
        places.append((reach, over - 0.4))
    for x, y in places:
        box = [upright(x - 0.22 * size, x + 0.22 * size, y - 0.6 * size, y + 0.6 * size, 0, _BLACK)]
        for i, lamp in enumerate(_LAMPS):
            glow = lamp if i == lit else dim(lamp, 0.22)
            box.append(disc((x, y + (0.38 - 0.38 * i) * size, 0), 0.16 * size, glow))
        parts.append((TRAFFIC_LIGHT, box))
    return parts


def draw_sign(rng: np.random.Generator) -> list[Part]:
    """Draw a post with one or two signs."""
    height = rng.uniform(2.1, 2.9)
    parts: list[Part] = [(POLE, _post(0.10, height + 0.3, pick(rng, _METALS)))]
    plate = _plate(rng, height)
    if rng.random() < 0.35:
        plate += _plate(rng, height - 1.05)
    return [*parts, (TRAFFIC_SIGN, plate)]


def _plate(rng: np.random.Generator, y: float) -> list[Polygon]:
    size = rng.uniform(0.45, 0.58)
    kind = int(rng.integers(5))
    if kind == 0:  # prohibition, round
        inner = disc((0, y, 0), 0.7 * size, _WHITE)
        return [disc((0, y, 0), size, _RED), inner, upright(-0.2, 0.2, y - 0.08, y + 0.08, 0, _BLACK)]
    if kind == 1:  # danger, a triangle
        outer: list[Corner] = [(-size, y - 0.8 * size, 0), (size, y - 0.8 * size, 0), (0, y + 0.95 * size, 0)]
        paper: list[Corner] = [(0.6 * x, y + 0.55 * (v - y) - 0.05, 0) for x, v, _ in outer]
        return [flat(outer, _RED), flat(paper, _WHITE), upright(-0.04, 0.04, y - 0.2, y + 0.1, 0, _BLACK)]
    if kind == 2:  # information, square
        mark = upright(-0.12, 0.12, y - 0.25, y + 0.2, 0, _WHITE)
        return [upright(-size, size, y - size, y + size, 0, _BLUE), mark]
    if kind == 3:  # priority, a diamond
        corners = [(-size, 0), (0, -size), (size, 0), (0, size)]
        rings = ((1.0, _WHITE), (0.72, _YELLOW))
        return [flat([(k * x, y + k * v, 0) for x, v in corners], color) for k, color in rings]
    arrow = flat(
        [(-0.25, y - 0.05, 0), (0.1, y - 0.05, 0), (0.3, y, 0), (0.1, y + 0.1, 0), (-0.25, y + 0.05, 0)], _WHITE
    )
    return [disc((0, y, 0), size, _BLUE), arrow]  # direction, round


def draw_bin(rng: np.random.Generator) -> list[Part]:
    """Draw a bin or a box, which Cityscapes ignores (static)."""
    color = pick(rng, _METALS)
    half, height = rng.uniform(0.25, 0.45), rng.uniform(0.8, 1.4)
    lid = upright(-half - 0.04, half + 0.04, 0.85 * height, height, 0, dim(color, 1.25))
    return [(STATIC, [upright(-half, half, 0, height, 0, color), lid])]


def paint_tree(canvas: Canvas, rng: np.random.Generator, *, x: float, z: float, light: float) -> None:
    """Paint a tree: a trunk and a ragged crown of leaves, lit from above."""
    height, radius = rng.uniform(4.5, 8.0), rng.uniform(1.5, 2.8)
    bark = dim((0.30, 0.24, 0.18), rng.uniform(0.6, 1.2))
    green = rng.uniform(0.75, 1.25)
    leaf = dim((rng.uniform(0.14, 0.34), rng.uniform(0.30, 0.40), rng.uniform(0.08, 0.18)), green)
    moved, thick = np.float32(rng.uniform(0, 50)), rng.uniform(0.12, 0.22)
    trunk = flat(
        [(x - 1.4 * thick, 0, z), (x + 1.4 * thick, 0, z), (x + thick, height, z), (x - thick, height, z)], bark
    )
    canvas.stamp([trunk], depth=z, label=VEGETATION, light=light)

    camera = canvas.camera
    column, row = camera.project(np.array([[x, height, z]], np.float32))[0].tolist()
    reach = 1.35 * radius * camera.scale / z
    rows = slice(max(0, int(row - reach)), min(camera.size[0], max(0, int(row + reach) + 1)))
    columns = slice(max(0, int(column - reach)), min(camera.size[1], max(0, int(column + reach) + 1)))
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return
    v = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5 - row) * (z / camera.scale)
    u = (np.arange(columns.start, columns.stop, dtype=np.float32)[None] + 0.5 - column) * (z / camera.scale)
    boughs = noise(u / 2 + moved, v / 2 + moved, roughness=1.5)
    leaves = noise(u + moved, v + moved)
    mask = 1 - (u * u + v * v) / radius**2 + 0.30 * boughs + 0.10 * leaves > 0
    shade = light * (0.85 - 0.25 * v / radius) * (1 + 0.24 * leaves + 0.20 * boughs)
    canvas.put((rows, columns), mask, tinted(leaf, shade), z, VEGETATION)
