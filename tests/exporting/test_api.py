"""Exported files against the network that they were made from, each run by its own runtime alone."""

import json
from itertools import product

import numpy as np
import onnx
import openvino
import pytest
import torch
from timm.layers.padding import get_same_padding

from feedbackward.decoder_config import DecoderConfig
from feedbackward.errors import InputError
from feedbackward.exporting import ExportedNetwork, export, load_exported
from feedbackward.exporting.wrapper import same_padding
from feedbackward.models import Feedbackward, create_model

pytestmark = pytest.mark.usefixtures("exporting")


@pytest.mark.parametrize("shape", [(1, 33, 33), (3, 45, 70), (2, 96, 64)])
def test_a_file_computes_the_networks_logits(network, exported, format, shape, run_alone, logits_of):
    batch, height, width = shape
    image = torch.rand(batch, 3, height, width)
    output, _ = run_alone(exported(format), image)
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, logits_of(network, image), atol=2e-5)


def test_metadata_is_readable_without_the_library(network, exported, format, run_alone):
    _, text = run_alone(exported(format), torch.rand(1, 3, 64, 64))
    metadata = json.loads(text)
    assert metadata["format"] == 4
    assert metadata["class_table"] == network.class_table.to_dict()
    assert (metadata["output"], metadata["in_channels"], metadata["size"]) == ("logits", 3, None)
    assert metadata["smallest"] == 9  # more than its stride of 8


def test_each_weight_is_stored_once(build, target, format):
    network = build(widths=(64, 256, 512))
    report = export(network, target, format=format)
    assert report.size <= 1.03 * sum(4 * parameter.numel() for parameter in network.parameters())


def test_the_report_lists_the_files_and_their_size(reports, format):
    report = reports(format)
    assert sorted(report.files) == sorted(report.files[0].parent.iterdir())
    assert report.size == sum(file.stat().st_size for file in report.files)


def test_no_weight_of_an_onnx_file_is_the_transpose_of_another(exported):
    seen = set()
    for weight in onnx.load(exported("onnx")).graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.size > 64 and values.dtype == np.float32:
            content = np.sort(values, axis=None).tobytes()
            assert content not in seen, weight.name
            seen.add(content)


def axes_of_onnx(path):
    """The axes of inputs and outputs: names, or lengths if fixed."""
    graph = onnx.load(path).graph
    return {
        value.name: [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }


@pytest.mark.parametrize(
    ("options", "axes"),
    [
        ({}, {"image": ["batch", 3, "height", "width"], "logits": ["batch", 3, "height", "width"]}),
        ({"argmax": True}, {"image": ["batch", 3, "height", "width"], "classes": ["batch", "height", "width"]}),
        ({"size": (40, 56)}, {"image": ["batch", 3, 40, 56], "logits": ["batch", 3, 40, 56]}),
    ],
)
def test_the_axes_of_an_onnx_file_have_names(exported, options, axes):
    assert axes_of_onnx(exported("onnx", **options)) == axes


@pytest.mark.parametrize(
    ("options", "output", "layout"),
    [({}, "logits", "[batch,classes,height,width]"), ({"argmax": True}, "classes", "[batch,height,width]")],
)
def test_the_axes_of_an_openvino_file_have_names(exported, options, output, layout):
    model = openvino.Core().read_model(exported("openvino", **options))
    assert model.input().any_name == "image"
    assert model.input().node.layout == openvino.Layout("[batch,channels,height,width]")
    assert model.output().any_name == output
    assert model.output().node.layout == openvino.Layout(layout)


def test_an_onnx_file_passes_onnxs_own_check(exported):
    onnx.checker.check_model(onnx.load(exported("onnx")), full_check=True)


def test_classes_instead_of_logits(network, exported, format, run_alone, logits_of):
    image = torch.rand(2, 3, 40, 50)
    output, metadata = run_alone(exported(format, argmax=True), image)
    assert (output.dtype, output.shape) == (np.uint8, (2, 40, 50))
    assert json.loads(metadata)["output"] == "classes"
    logits = logits_of(network, image)
    chosen = np.take_along_axis(logits, output[:, None].astype(int), axis=1)[:, 0]
    np.testing.assert_allclose(chosen, logits.max(axis=1), atol=2e-5)


@pytest.mark.parametrize("argmax", [False, True])
def test_a_file_is_compared_at_three_sizes(reports, format, argmax):
    report = reports(format, argmax=argmax)
    assert set(report.differences) == {(64, 96), (97, 131), (160, 128)}


@pytest.mark.parametrize(
    ("format", "precision"),
    [("onnx", "fp16"), ("openvino", "fp16"), ("torch_export", "fp16"), ("torch_export", "bf16")],
)
def test_half_precision(network, reports, exported, format, precision, run_alone, logits_of):
    parameters = reports(format, precision=precision).parameters
    assert parameters == sum(2 * parameter.numel() for parameter in network.parameters())
    image = torch.rand(2, 3, 45, 70)
    output, _ = run_alone(exported(format, precision=precision), image)
    assert output.dtype == np.float32
    expected = logits_of(network, image)
    difference = np.abs(output - expected).max() / np.abs(expected).max()
    assert 1e-5 < difference < {"fp16": 2e-2, "bf16": 1e-1}[precision]


def test_a_single_size(network, exported, format, run_alone, logits_of):
    image = torch.rand(3, 3, 40, 56)
    output, _ = run_alone(exported(format, size=(40, 56)), image)
    np.testing.assert_allclose(output, logits_of(network, image), atol=2e-5)


@pytest.mark.parametrize("format", ["onnx", "torch_export"])
def test_a_size_that_the_network_pads(network, exported, format, run_alone, logits_of):
    image = torch.rand(2, 3, 7, 20)
    output, _ = run_alone(exported(format, size=(7, 20)), image)
    np.testing.assert_allclose(output, logits_of(network, image), atol=1e-4)


@pytest.mark.parametrize("name", ["segnet", pytest.param("fcn8s", marks=pytest.mark.slow), "deeplab_largefov"])
def test_the_baselines(name, tmp_path, run_alone, logits_of):
    torch.manual_seed(0)
    network = create_model(name, encoder_name="vgg11", encoder_weights=None, classes=3).eval()
    if name == "fcn8s":
        for layer in network.modules():  # its classifiers start from zero
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.normal_(layer.weight, std=0.05)
    export(network, tmp_path / "network.onnx")
    image = torch.rand(1, 3, 45, 70)
    output, _ = run_alone(tmp_path / "network.onnx", image)
    expected = logits_of(network, image)
    assert expected.std() > 0
    np.testing.assert_allclose(output, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_an_encoder_that_requires_multiples_of_a_size(build, tmp_path, run_alone, logits_of):
    network = build("dla34")
    export(network, tmp_path / "network.pt2", format="torch_export")
    image = torch.rand(1, 3, 45, 70)
    np.testing.assert_allclose(run_alone(tmp_path / "network.pt2", image)[0], logits_of(network, image), atol=2e-5)


def test_an_encoder_that_takes_no_small_images(tmp_path):
    encoder = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 65, stride=32), torch.nn.ReLU(), torch.nn.Conv2d(4, 5, 1))
    network = Feedbackward(encoder, classes=2, decoder=DecoderConfig(output_stride=32)).eval()
    assert network.smallest == 129
    report = export(network, tmp_path / "network.onnx")
    assert list(report.differences) == [(129, 161), (162, 196), (225, 193)]


def test_a_network_in_training_is_not_modified(build, tmp_path):
    network = build().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export(network, tmp_path / "network.onnx")
    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("n.onnx", {"format": "onx"}, "unknown format 'onx'; choose one of onnx, torch_export, openvino, engine"),
        ("n.xml", {}, r"n\.xml: files of format onnx end in \.onnx"),
        (
            "n.engine",
            {"format": "engine"},
            r"need tensorrt, not installed here: pip install 'feedbackward\[tensorrt\]'",
        ),
        (".", {"format": "onnx"}, "end in"),
        ("n.onnx", {"precision": "bf16"}, "have precision fp32 or fp16, not bf16; for bf16 choose format torch_export"),
        (
            "n.xml",
            {"format": "openvino", "size": (7, 20)},
            r"OpenVINO cannot read this network \(.*\); choose a larger",
        ),
        (
            "new/n.onnx",
            {"tolerance": 1e-12},
            r"differ: by .* of the largest absolute logit, more than the tolerance of 1e-12; nothing was written",
        ),
    ],
)
def test_a_refused_export_writes_nothing(network, tmp_path, name, options, message):
    with pytest.raises(InputError, match=message):
        export(network, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_logits_that_are_not_finite_are_refused(build, tmp_path):
    network = build()
    network.head.pointwise.bias.data.fill_(torch.nan)
    with pytest.raises(InputError, match="the network's logits are not finite"):
        export(network, tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


def test_a_file_whose_logits_are_not_finite_is_not_kept(network, tmp_path, monkeypatch):
    original = ExportedNetwork.outputs
    monkeypatch.setattr(ExportedNetwork, "outputs", lambda *args: [output / 0 for output in original(*args)])
    with pytest.raises(InputError, match="the file's logits are not finite, unlike the network's; nothing was written"):
        export(network, tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


def test_padding_in_integers_is_timm_s():
    for length, kernel_size, stride, dilation in product(range(1, 40), (1, 2, 3, 5, 7), (1, 2, 3, 4), (1, 2, 3)):
        expected = get_same_padding(length, kernel_size, stride, dilation)
        assert same_padding(length, kernel_size, stride, dilation) == expected


def test_a_missing_runtime_is_named(network, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "feedbackward.exporting.formats.base.find_spec", lambda name: None if "onnx" in name else "there"
    )
    message = r"files of format openvino need onnx and onnxscript and onnxruntime, .*'feedbackward\[openvino\]'"
    with pytest.raises(InputError, match=message):
        export(network, tmp_path / "network.xml", format="openvino")


def test_more_classes_than_fit_into_8_bits(tmp_path):
    network = create_model("test_resnet", encoder_weights=None, classes=300)
    with pytest.raises(InputError, match="8-bit classes, at most 256, and the network has 300; export its logits"):
        export(network, tmp_path / "network.onnx", argmax=True)


def test_an_existing_file_is_kept_if_the_export_fails(network, tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match="nothing was written"):
        export(network, path, tolerance=1e-12)
    assert path.read_bytes() == b"old"


def test_an_existing_file_is_replaced(network, tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"old")
    export(network, path)
    assert load_exported(path).class_table == network.class_table
