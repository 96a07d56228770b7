import io

from matplotlib.figure import Figure

from feedbackward.viz.charts import Curve, inline_svg, plot_curves, save_svg

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
