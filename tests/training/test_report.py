import math
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from feedbackward.classes import ClassTable
from feedbackward.metrics import Scores
from feedbackward.training.panels import WIDTH, draw_panels
from feedbackward.training.pictures import spread
from feedbackward.training.report import render_report
from feedbackward.viz.pictures import RIGHT, UNCOUNTED, WRONG

TABLE = ClassTable(("road", "<sky>"), ((128, 64, 128), (70, 130, 180)))

BY_SIZE = {
    size: {
        "objects": {"road": 7, "<sky>": 0},
        "found": {"road": 3 / 7, "<sky>": None},
        "recall": {"road": 0.512, "<sky>": None},
    }
    for size in ("small", "medium", "large")
}


@pytest.fixture
def scene():
    image = torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(8, 12, dtype=torch.int64)
    mask[:2] = 255
    prediction = torch.zeros(4, 6, dtype=torch.int64)
    prediction[3] = 1
    return image, mask, prediction


def test_panels_have_the_size_of_the_image(scene):
    image, mask, prediction = scene
    panels = draw_panels(image, mask, prediction, TABLE)
    assert {panel.shape for panel in panels} == {(4, 6, 3)}
    np.testing.assert_allclose(panels.image, image.permute(1, 2, 0) * 255, atol=0.51)
    np.testing.assert_array_equal(panels.truth[0], np.zeros((6, 3)))
    np.testing.assert_array_equal(panels.truth[1], np.tile((128, 64, 128), (6, 1)))
    np.testing.assert_array_equal(panels.prediction[3], np.tile((70, 130, 180), (6, 1)))
    assert [tuple(row[0]) for row in panels.errors] == [UNCOUNTED, RIGHT, RIGHT, WRONG]


def test_panels_of_large_images_are_reduced():
    panels = draw_panels(torch.rand(3, 2 * WIDTH, 4 * WIDTH), torch.zeros(9, 9).long(), torch.ones(9, 9).long(), TABLE)
    assert {panel.shape for panel in panels} == {(WIDTH // 2, WIDTH, 3)}


def test_scenes_are_spread_over_the_set():
    assert spread(8, 4) == [1, 3, 5, 7]
    assert spread(3, 4) == [0, 1, 2]
    assert spread(0, 4) == []


class Addresses(HTMLParser):
    """Collects the addresses that a page loads or links to."""

    def __init__(self):
        super().__init__()
        self.found, self.open_tags = [], []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href", "xlink:href", "data")]


@pytest.fixture
def metrics():
    best = Scores(
        scalars={"mean_iou": 0.4567, "pixel_accuracy": 0.81, "mean_accuracy": 0.6},
        per_class={"iou": {"road": 0.9134, "<sky>": math.nan}, "accuracy": {"road": 0.95, "<sky>": math.nan}},
        confusion=[[30, 10], [0, 0]],
        predicted_void=[0, 0],
        names=["road", "<sky>"],
        notes=["iIoU is comparable only at 1024x2048"],
    )
    curves = [
        {"epoch": epoch, "train/loss": 2 / epoch, "val/loss": 2.5 / epoch, "val/mean_iou": score}
        for epoch, score in enumerate((0.1, 0.4567, None), start=1)
    ]
    return {
        "run": "tiny",
        "model": "test_resnet",
        "network": {"model": "feedbackward", "encoder_name": "test_resnet", "decoder": {"permute": "possible"}},
        "data": "CamVidData",
        "seed": 3,
        "parameters": 2_345_678,
        "epochs": 3,
        "training_seconds": 3725.0,
        "best": {"epoch": 2, **best.to_dict()},
        "last": {"epoch": 2, **best.to_dict()},
        "curves": curves,
    }


@pytest.fixture
def page(metrics, scene):
    return render_report(
        metrics,
        facts=["Epoch 2 of 3 & the best."],
        table=TABLE,
        panels={"frankfurt_1": draw_panels(*scene, TABLE)},
        worst=[("ulm_2", 0.123, draw_panels(*scene, TABLE))],
        by_size=BY_SIZE,
        config="model:\n  name: <feedbackward>\n",
        versions={"torch": "2.9"},
    )


def test_a_report_shows_scores_curves_confusion_and_pictures(page):
    for text in ("45.7 %", "mean IoU", "91.3", "2.35 M", "1 h 2 min", "CamVidData", "test_resnet", "torch: 2.9"):
        assert text in page
    assert "<li>Epoch 2 of 3 &amp; the best.</li>" in page
    assert page.count("<svg") == 2
    assert 'title="road as &lt;sky&gt;: 25.0 %"' in page
    assert page.count("<img") == 8
    assert "errors of frankfurt_1" in page
    assert "rgb(70, 130, 180)" in page


def test_a_report_shows_the_notes_on_the_scores(page):
    assert "iIoU is comparable only at 1024x2048." in page


def test_the_same_training_gives_the_same_page(metrics, page, scene):
    panels = {"frankfurt_1": draw_panels(*scene, TABLE)}
    config = "model:\n  name: <feedbackward>\n"
    worst = [("ulm_2", 0.123, panels["frankfurt_1"])]
    options = {"worst": worst, "by_size": BY_SIZE, "versions": {"torch": "2.9"}}
    options["facts"] = ["Epoch 2 of 3 & the best."]
    again = render_report(metrics, table=TABLE, panels=panels, config=config, **options)
    assert again == page


def test_a_report_shows_the_worst_images_and_the_objects_by_size(page):
    assert "<h3>ulm_2: mean IoU 12.3 %</h3>" in page
    assert "<td>road</td>" + 3 * "<td>7</td><td>42.9</td><td>51.2</td>" in page
    assert "<td>&lt;sky&gt;</td>" + 3 * "<td>0</td><td>-</td><td>-</td>" in page


def test_a_network_without_decoder_options_has_none_in_its_report(metrics, scene):
    network = {"model": "segnet", "encoder_name": "vgg16"}
    page = render_report(
        {**metrics, "model": "segnet", "network": network},
        facts=[],
        table=TABLE,
        panels={"frankfurt_1": draw_panels(*scene, TABLE)},
        worst=[("ulm_2", 0.123, draw_panels(*scene, TABLE))],
        by_size=BY_SIZE,
        config="",
        versions={},
    )
    assert '<p class="sub">segnet on CamVidData</p>' in page


def test_a_report_is_self_contained(page):
    parser = Addresses()
    parser.feed(page)
    assert parser.found
    assert all(address.startswith(("data:", "#")) for address in parser.found)
    assert "<script" not in page
    assert "@import" not in page


def test_names_are_not_taken_for_markup(page):
    assert "<sky>" not in page
    assert "<feedbackward>" not in page


def test_a_class_that_does_not_occur_has_a_dash(page):
    row = page[page.index("&lt;sky&gt;</td>") :]
    assert row[: row.index("</tr>")].count("<td>-</td>") == 2
