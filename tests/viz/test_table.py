from rich.console import Console

from feedbackward.viz.decoder_rows import Row
from feedbackward.viz.table import decoder_table


def row(path: str, operation: str, *actions: str, signals: tuple[tuple[int, ...], ...] = (), part: str = "node") -> Row:
    shape = (8, 16, 32)
    return Row(
        part=part, name=path, path=path, operation=operation, shape=shape, channels=8, size=shape[1:],
        actions=actions, signals=signals,
    )  # fmt: skip


ROWS = [
    row("U-turn", "", "max pool", "upsample", signals=((8, 16, 32),), part="turn"),
    row("layer.act", "ReLU", "ReLU", "+ skip", signals=((8, 16, 32),)),
    row("layer.drop", "Identity", "nothing", signals=((8, 16, 32),)),
    row("layer.gate.relu", "ReLU", "bypassed"),
    row("layer.gate.conv", "Conv2d 1×1", "bypassed"),
    row("layer.cat", "cat", "slice", signals=((3, 16, 32), (5, 16, 32))),
    row("stem", "Conv2d 3×3 /2", "conv (axes swapped)", "norm", signals=((3, 32, 64),), part="end"),
    row("image", "image", part="beyond"),
]


def test_the_table() -> None:
    console = Console(width=120, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(decoder_table(ROWS))
    header, _, *lines = (" ".join(line.split()) for line in capture.get().splitlines())
    assert header == "encoder node operation shape decoder signal"
    assert lines == [
        "U-turn 8×16×32 max pool, upsample 8×16×32",
        "layer.act ReLU 8×16×32 ReLU, + skip 8×16×32",
        "layer.gate … 2 nodes 8×16×32 bypassed -",
        "layer.cat cat 8×16×32 slice 3×16×32 and 1 more",
        "stem Conv2d 3×3 /2 8×16×32 conv (axes swapped), norm, end 3×32×64",
        "image image 8×16×32 - -",
    ]
