"""The diagram of encoder and decoder: counts of its boxes, lines and texts."""

import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache

import pytest
import torch

from feedbackward.decoder_config import DecoderConfig
from feedbackward.models import create_model
from feedbackward.viz.decoder_rows import Row, decoder_rows
from feedbackward.viz.diagram import BOX, WIDTH, draw
from feedbackward.viz.diagram_layout import lines, place

SVG = "{http://www.w3.org/2000/svg}"


@cache
def rows_of(name: str, **options: object) -> list[Row]:
    with torch.device("meta"):
        decoder = DecoderConfig(**options) if options else None
        network = create_model(name, classes=19, encoder_weights=None, decoder=decoder)
        return decoder_rows(network.encoder, network.decoder_graph(), size=(64, 128), in_channels=3)


def drawn(rows: list[Row], *, title: str = "title") -> ET.Element:
    return ET.fromstring(draw(rows, title=title, classes=19))


def boxes(svg: ET.Element) -> Counter[str]:
    """How many boxes of each style there are, without the legend's small ones."""
    return Counter(rect.get("class") for rect in svg.iter(f"{SVG}rect") if rect.get("width") == f"{BOX}")


def texts(svg: ET.Element) -> list[str]:
    return [text.text for text in svg.iter(f"{SVG}text")]


def paths(svg: ET.Element, style: str) -> int:
    return sum(path.get("class") == style for path in svg.iter(f"{SVG}path"))


@pytest.mark.parametrize(
    ("name", "weights"),
    [("vgg16_pwp", {"box swapped": 13}), ("vgg16_pwn", {"box swapped": 4, "box kept": 9})],
)
def test_the_paper_s_figures(name: str, weights: dict[str, int]) -> None:
    svg = drawn(rows_of(name))
    # White boxes: the image, the logits, five pools and their upsamplings.
    assert boxes(svg) == {"box encoder": 13, "box new": 1, "box resize": 12, **weights}
    assert paths(svg, "join skip") == 13
    assert texts(svg).count("upsample") == texts(svg).count("MaxPool2d") == 5
    assert {"U-turn: the encoder's last pool", "3 → 19", "19×64×128", "1/32"} <= {*texts(svg)}


def test_the_legend_names_the_colors_that_occur() -> None:
    assert "the same weight, axes kept" in texts(drawn(rows_of("vgg16_pwn")))
    assert "the same weight, axes kept" not in texts(drawn(rows_of("vgg16_pwp")))


@pytest.mark.parametrize("encoder", ["test_resnet", "test_efficientnet", "test_byobnet"])
@pytest.mark.parametrize("retrace", ["all", "transitions"])
def test_diagrams_of_other_encoders_stay_within_the_sheet(encoder: str, retrace: str) -> None:
    rows = rows_of(encoder, retrace=retrace)
    svg = drawn(rows)
    weights = sum(row.weight is not None for row in rows)
    assert boxes(svg)["box swapped"] + boxes(svg)["box kept"] == weights
    assert paths(svg, "join skip") == sum(row.skip for row in rows)
    assert paths(svg, "join gate") == sum(row.gate for row in rows)
    assert "bilinear interpolation" in texts(svg)
    for rect in svg.iter(f"{SVG}rect"):
        x, y, width, height = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + width <= WIDTH
        assert y + height <= float(svg.get("height"))


def test_lines_of_the_decoder_bypass_what_the_signal_does_not_reach() -> None:
    marks = place(rows_of("test_resnet", retrace="transitions", output_feature="last")[:0:-1], top=0)
    place_of = {mark.row.path: index for index, mark in enumerate(marks)}
    start, meet = place_of["maxpool"], place_of["layer1.0"]  # the block's shortcut joins at the last
    down = {(line.source, line.target): line.lane for line in lines(marks, decoder=False)}
    up = {(line.source, line.target): line.lane for line in lines(marks, decoder=True)}
    assert down[start, meet] == 0
    assert down[meet - 1, meet] is None
    assert up[start, meet] is None
    assert (meet - 1, meet) not in up


def test_lines_of_one_lane_do_not_overlap() -> None:
    marks = place(rows_of("test_resnet")[:0:-1], top=0)
    around = [line for line in lines(marks, decoder=False) if line.lane is not None]
    assert len({line.lane for line in around}) > 1
    for line in around:
        for other in around:
            if line is not other and line.lane == other.lane:
                assert line.target <= other.source or other.target <= line.source


def test_marks_follow_each_other_downward() -> None:
    marks = place(rows_of("vgg16_pwn")[:0:-1], top=100)
    assert [mark.kind for mark in marks[:6]] == ["image", "layer", "skip", "layer", "skip", "resize"]
    heights = [mark.y for mark in marks]
    assert heights == sorted(heights)
    assert heights[0] > 100


def test_a_title_is_escaped() -> None:
    assert "<a> & b" in texts(drawn(rows_of("vgg16_pwn"), title="<a> & b"))
