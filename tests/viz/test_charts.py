import io

import pytest
from matplotlib.figure import Figure

from feedbackward.viz.charts import Curve, inline_svg, plot_curves, plot_reliability, save_svg

CURVES = [
    Curve(label="train", points=[(1, 0.5), (2, 0.25), (3, 0.125)]),
    Curve(label="val", points=[(1, 0.6), (3, 0.4)], color="C3", dashed=True),
]


def chart() -> Figure:
    figure = Figure()
    plot_curves(figure.subplots(), CURVES)
    return figure


def test_curves_have_their_points_labels_and_styles() -> None:
    (axes,) = chart().axes
    first, second = axes.lines
    assert [*zip(*first.get_data(), strict=True)] == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert [line.get_label() for line in axes.lines] == ["train", "val"]
    assert (second.get_color(), second.get_linestyle()) == ("C3", "--")
    assert axes.get_xlabel() == "epoch"


def test_many_points_have_no_markers() -> None:
    axes = Figure().subplots()
    plot_curves(axes, [Curve(label="long", points=[(epoch, 0.0) for epoch in range(30)])])
    plot_curves(axes, [Curve(label="short", points=[(epoch, 0.0) for epoch in range(29)])])
    assert [line.get_marker() for line in axes.lines] == ["", "o"]


def test_the_same_numbers_give_the_same_file() -> None:
    files = [io.StringIO(), io.StringIO()]
    for file in files:
        save_svg(chart(), file)
    assert files[0].getvalue() == files[1].getvalue()
    assert "<dc:date>" not in files[0].getvalue()


def test_an_inline_svg_is_one_element() -> None:
    element = inline_svg(chart())
    assert element.startswith("<svg")
    assert element.rstrip().endswith("</svg>")


def test_a_reliability_diagram_leaves_out_empty_bins() -> None:
    axes, below = Figure().subplots(2)
    plot_reliability(axes, below, pixels=[1, 0, 3], confidence=[0.25, 0.0, 0.9], accuracy=[0.5, 0.0, 1.0])
    diagonal, found = axes.lines
    assert (list(diagonal.get_xdata()), list(diagonal.get_ydata())) == ([0, 1], [0, 1])
    assert (list(found.get_xdata()), list(found.get_ydata())) == ([0.25, 0.9], [0.5, 1.0])
    assert [(bar.get_x(), bar.get_height()) for bar in axes.patches] == [(0, 0.5), (pytest.approx(2 / 3), 1.0)]
    assert [bar.get_height() for bar in below.patches] == [0.25, 0, 0.75]
