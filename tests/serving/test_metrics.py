"""The text format of Prometheus."""

import re

from feedbackward.serving.metrics import Metrics


def test_counters_and_histograms():
    metrics = Metrics(lambda: {'a "model"': 3}, lambda: 1000)
    metrics.request("GET", "/health", 200, 0.02)
    metrics.request("GET", "/health", 200, 0.3)
    metrics.request("POST", "/api/segment", 422, 500)
    metrics.batch("small", 1)
    metrics.batch("small", 6)
    text = metrics.text()
    lines = text.splitlines()
    assert 'feedbackward_requests_total{method="GET",route="/health",status="200"} 2' in lines
    assert 'feedbackward_request_seconds_bucket{route="/health",le="0.01"} 0' in lines
    assert 'feedbackward_request_seconds_bucket{route="/health",le="0.03"} 1' in lines
    assert 'feedbackward_request_seconds_bucket{route="/health",le="0.3"} 2' in lines
    assert 'feedbackward_request_seconds_bucket{route="/api/segment",le="100.0"} 0' in lines
    assert 'feedbackward_request_seconds_bucket{route="/api/segment",le="+Inf"} 1' in lines
    assert 'feedbackward_request_seconds_sum{route="/health"} 0.32' in lines
    assert 'feedbackward_batch_images_sum{model="small"} 7' in lines
    assert 'feedbackward_batch_images_bucket{model="small",le="8"} 2' in lines
    assert r'feedbackward_waiting_images{model="a \"model\""} 3' in lines
    assert "feedbackward_stored_bytes 1000" in lines
    assert text.endswith("\n")


def test_every_line_has_the_form_and_every_name_a_type():
    metrics = Metrics(lambda: {"small": 0}, lambda: 0)
    metrics.request("GET", "/", 200, 1)
    types = set()
    for line in metrics.text().splitlines():
        if line.startswith("# TYPE"):
            types.add(line.split()[2])
        elif not line.startswith("#"):
            match = re.fullmatch(r'(\w+)(\{(\w+="[^"]*",?)+\})? [\d.e+-]+', line)
            assert match, line
            assert re.sub("_(bucket|sum|count)$", "", match[1]) in types
