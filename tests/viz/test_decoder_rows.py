"""The words and shapes of both passes, against tables written by hand."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from feedbackward.decoder_config import PAPER
from feedbackward.models import create_model
from feedbackward.transform import trace, transpose
from feedbackward.viz.decoder_rows import Row, decoder_rows


class Residual(nn.Module):
    """A strided stem and one residual block with a depthwise convolution in its branch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU()
        self.branch = nn.Conv2d(4, 4, (3, 5), padding=(1, 2), groups=4)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.stem(x)))
        return x + self.branch(x)


def explained(encoder: nn.Module, size: tuple[int, int] = (9, 12), **options: object) -> list[Row]:
    traced = trace(encoder)
    return decoder_rows(traced, transpose(traced, replace(PAPER, **options)), size=size, in_channels=3)


def described(rows: list[Row]) -> list[tuple[str, str, tuple[int, ...], str, list[tuple[int, ...]]]]:
    """The columns of the table."""
    return [(row.path, row.operation, row.shape, ", ".join(row.actions), list(row.signals)) for row in rows]


def test_every_node_of_the_encoder_has_its_row() -> None:
    assert described(explained(Residual())) == [
        ("U-turn", "", (4, 5, 6), "max pool, upsample", [(4, 5, 6)]),
        ("add", "add", (4, 5, 6), "to each branch", [(4, 5, 6)]),
        ("branch", "Conv2d 3×5 g4", (4, 5, 6), "conv (axes kept), norm", [(4, 5, 6)]),
        ("act", "ReLU", (4, 5, 6), "sum of signals, ReLU, + skip", [(4, 5, 6)]),
        ("norm", "BatchNorm2d", (4, 5, 6), "nothing", [(4, 5, 6)]),
        ("stem", "Conv2d 3×3 /2", (4, 5, 6), "upsample, conv (axes swapped), norm", [(3, 9, 12)]),
        ("image", "image", (3, 9, 12), "ReLU", [(3, 9, 12)]),
    ]


def test_transitions_bypass_layers_and_nothing_happens_beyond_the_end() -> None:
    rows = explained(Residual(), retrace="transitions", output_stride=2)
    assert [(row.part, row.path, ", ".join(row.actions), len(row.signals)) for row in rows] == [
        ("turn", "U-turn", "max pool, upsample", 1),
        ("node", "add", "to the shortcut only", 1),
        ("node", "branch", "bypassed", 0),
        ("node", "act", "ReLU, + skip", 1),
        ("node", "norm", "nothing", 1),
        ("end", "stem", "", 1),
        ("beyond", "image", "", 0),
    ]


def test_rows_name_their_inputs_weights_and_skips() -> None:
    by_path = {row.path: row for row in explained(Residual())}
    assert by_path["add"].inputs == ("act", "branch")
    assert [path for path, row in by_path.items() if row.weighted] == ["branch", "stem"]
    assert {path: row.weight for path, row in by_path.items() if row.weight} == {
        "branch": "axes kept",
        "stem": "axes swapped",
    }
    assert [path for path, row in by_path.items() if row.skip] == ["act"]


class Branches(nn.Module):
    """A concatenation and a gate, followed by a pool."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(3, 2, 1)
        self.right = nn.Conv2d(3, 5, 1)
        self.squeeze = nn.Conv2d(7, 7, 1)
        self.pool = nn.MaxPool2d(2)

    def forward_features(self, x: Tensor) -> Tensor:
        x = torch.cat([self.left(x), self.right(x)], 1)
        return self.pool(x * self.squeeze(x.mean((2, 3), keepdim=True)))


def test_slices_gates_and_a_pool_at_the_end_of_the_encoder() -> None:
    assert described(explained(Branches(), size=(8, 8))) == [
        ("U-turn", "", (7, 4, 4), "the encoder's last pool", [(7, 4, 4)]),
        ("pool", "MaxPool2d", (7, 4, 4), "upsample", [(7, 8, 8)]),
        ("mul", "mul", (7, 8, 8), "× gate", [(7, 8, 8)]),
        ("squeeze", "Conv2d 1×1", (7, 1, 1), "bypassed", []),
        ("mean", "mean", (7, 1, 1), "bypassed", []),
        ("cat", "cat", (7, 8, 8), "slice", [(2, 8, 8), (5, 8, 8)]),
        ("right", "Conv2d 1×1", (5, 8, 8), "conv (axes swapped), norm", [(3, 8, 8)]),
        ("left", "Conv2d 1×1", (2, 8, 8), "conv (axes swapped), norm", [(3, 8, 8)]),
        ("image", "image", (3, 8, 8), "sum of signals, ReLU", [(3, 8, 8)]),
    ]


class Unshuffled(nn.Module):
    """An operation whose decoder operation has no word, and a scale that does not depend on the image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.scale = nn.Parameter(torch.ones(16, 1, 1))
        self.unshuffle = nn.PixelUnshuffle(2)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.unshuffle(self.conv(x)) * self.scale.abs()


def test_an_emitted_operation_without_a_word_is_shown_by_its_own_name() -> None:
    rows = explained(Unshuffled(), size=(8, 12))
    assert [(row.path, ", ".join(row.actions)) for row in rows if row.part == "node"] == [
        ("mul", "× gate"),
        ("unshuffle", "pixel_shuffle"),
        ("conv", "conv (axes swapped), norm"),
    ]


@pytest.mark.parametrize(
    ("name", "swapped"),
    [
        # The first convolution of each block but the fifth, which has 512 channels throughout, changes the channels.
        ("vgg16_pwn", ["features.17", "features.10", "features.5", "features.0"]),
        ("vgg16_pwp", [f"features.{i}" for i in (28, 26, 24, 21, 19, 17, 14, 12, 10, 7, 5, 2, 0)]),
    ],
)
def test_where_the_paper_s_networks_swap_axes(name: str, swapped: list[str]) -> None:
    with torch.device("meta"):
        network = create_model(name, encoder_weights=None, classes=19)
        rows = decoder_rows(network.encoder, network.decoder_graph(), size=(64, 96), in_channels=3)
    assert [row.path for row in rows if row.weight == "axes swapped"] == swapped
    assert sum(row.weight is not None for row in rows) == sum(row.skip for row in rows) == 13
    assert rows[-1].signals == ((3, 64, 96),)


def test_the_shapes_are_those_of_a_forward_pass() -> None:
    network = create_model("test_resnet", encoder_weights=None, classes=19)
    decoder_graph = network.decoder_graph()
    seen: dict[str, tuple[int, ...]] = {}
    for path, module in network.named_modules():
        module.register_forward_hook(lambda _, __, out, path=path: seen.update({path: tuple(out.shape[1:])}))
    network.eval()(torch.zeros(1, 3, 65, 97))
    rows = decoder_rows(network.encoder, decoder_graph, size=(65, 97), in_channels=3)
    norms = {row.path: row.signals[0] for row in rows if row.weight}
    assert norms
    assert norms == {path: seen[f"decoder.{path}.norm"] for path in norms}
    convs = {row.path: row.shape for row in rows if row.weighted}
    assert convs == {path: seen[f"encoder.{path}"] for path in convs}


def test_explaining_leaves_the_encoder_in_its_mode() -> None:
    for training in (True, False):
        encoder = trace(Residual().train(training))
        decoder_rows(encoder, transpose(encoder, PAPER), size=(9, 12), in_channels=3)
        assert all(module.training is training for module in encoder.modules())
