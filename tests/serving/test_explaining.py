"""A pixel explained over HTTP, against the function of Python."""

import pytest

import feedbackward as fb
from feedbackward.explaining import explain_pixel
from feedbackward.models import create_model
from feedbackward.serving.explaining import Explainer
from feedbackward.serving.offered import offer_given
from feedbackward.serving.request_error import RequestError


@pytest.fixture
def result(client, upload):
    return client.post("/api/segment?name=a.png", content=upload).json()


def test_it_is_what_python_explains(client, result, model, image):
    expected = explain_pixel(fb.from_pretrained(model), image, 70, 10).to_dict()
    for _ in range(2):  # the second time from what is kept
        answer = client.get(f"/api/results/{result['id']}/explain?x=70&y=10")
        assert answer.status_code == 200
        assert answer.json() == expected


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("x=80&y=0", 422, "the pixel 80,0 is outside the image; expected x from 0 to 79 and y from 0 to 59"),
        ("x=1", 400, "give column and row of a pixel as whole numbers, such as x=320&y=200"),
        ("x=1&y=b", 400, "give column and row of a pixel as whole numbers, such as x=320&y=200"),
        ("x=1&y=1&task=3", 404, "there is no task '3'; expected one of 0"),
    ],
)
def test_a_bad_request(client, result, query, status, message):
    answer = client.get(f"/api/results/{result['id']}/explain?{query}")
    assert (answer.status_code, answer.json()["error"]) == (status, message)


def test_another_network_is_refused(tmp_path):
    network = create_model("segnet", encoder_weights=None, classes=2)
    network.save_pretrained(tmp_path / "other")
    (offer,) = offer_given([[str(tmp_path / "other")]])
    with pytest.raises(RequestError, match="the pixels of other cannot be explained: it is not") as caught:
        Explainer({"other": offer}, backbone=None, device="cpu")._load(offer, offer.models[0])
    assert caught.value.status == 422
