"""Exported files against the network that they were made from, each run by its own runtime alone."""

import json

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.exporting import export, load_exported
from feedbackward.models import create_model

TABLE = ClassTable(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))
SUFFIX = {"onnx": ".onnx", "torch_export": ".pt2", "openvino": ".xml"}
pytestmark = pytest.mark.usefixtures("exporting")
formats = pytest.mark.parametrize("format", SUFFIX)


def build(encoder_name="test_resnet", **options):
    torch.manual_seed(0)
    network = create_model(encoder_name, encoder_weights=None, classes=3, **options)
    network.class_table = TABLE
    for norm in network.modules():  # norms as after a training
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return build()


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    """The file of a format, exported when it is first asked for."""
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def _exported(format):
        if format not in made:
            made[format] = folder / f"network{SUFFIX[format]}"
            export(network, made[format], format=format)
        return made[format]

    return _exported


def run_alone(path, image):
    """The output and the metadata of a file, without this library."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (output,) = session.run(None, {"image": image.numpy()})
        return output, session.get_modelmeta().custom_metadata_map["feedbackward"]
    if path.suffix == ".pt2":
        entries = {"feedbackward.json": ""}
        program = torch.export.load(path, extra_files=entries)
        return program.module()(image).detach().numpy(), entries["feedbackward.json"]
    model = openvino.Core().read_model(path)
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled([image.numpy()])[0], model.get_rt_info(["feedbackward"]).astype(str)


def scores_of(network, image):
    """The scores, with the images normalized by hand."""
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1) for values in (network.preprocessing.mean, network.preprocessing.std)
    )
    with torch.no_grad():
        return network((image - mean) / std).numpy()


@formats
@pytest.mark.parametrize("shape", [(1, 33, 33), (3, 45, 70), (2, 96, 64)])
def test_a_file_computes_what_the_network_does(network, exported, format, shape):
    batch, height, width = shape
    image = torch.rand(batch, 3, height, width)
    output, metadata = run_alone(exported(format), image)
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, scores_of(network, image), atol=2e-5)
    described = json.loads(metadata)
    assert described["class_table"] == TABLE.to_dict()
    assert (described["output"], described["in_channels"], described["size"]) == ("scores", 3, None)
    assert described["smallest"] == 33


@formats
def test_a_file_holds_each_weight_once(tmp_path, format):
    network = build("resnet18", retrace="all")
    path = tmp_path / f"network{SUFFIX[format]}"
    report = export(network, path, format=format)
    assert sorted(report.files) == sorted(tmp_path.iterdir())
    size = sum(file.stat().st_size for file in report.files)
    assert size == report.size
    assert size <= 1.03 * sum(4 * parameter.numel() for parameter in network.parameters())


def test_no_weight_of_an_onnx_file_is_another_one_transposed(exported):
    seen = set()
    for weight in onnx.load(exported("onnx")).graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.size > 64 and values.dtype == np.float32:
            content = np.sort(values, axis=None).tobytes()
            assert content not in seen, weight.name
            seen.add(content)


@formats
def test_classes_instead_of_scores(network, tmp_path, format):
    path = tmp_path / f"network{SUFFIX[format]}"
    report = export(network, path, format=format, argmax=True)
    assert set(report.differences) == {(64, 96), (97, 131), (160, 128)}
    image = torch.rand(2, 3, 40, 50)
    output, metadata = run_alone(path, image)
    assert (output.dtype, output.shape) == (np.uint8, (2, 40, 50))
    assert json.loads(metadata)["output"] == "classes"
    scores = scores_of(network, image)
    chosen = np.take_along_axis(scores, output[:, None].astype(int), axis=1)[:, 0]
    np.testing.assert_allclose(chosen, scores.max(axis=1), atol=2e-5)
    one_hot = load_exported(path)(image)
    np.testing.assert_array_equal(one_hot.argmax(dim=1), output)
    np.testing.assert_array_equal(one_hot.sum(dim=1), 1.0)


@pytest.mark.parametrize(
    ("format", "precision"),
    [("onnx", "fp16"), ("openvino", "fp16"), ("torch_export", "fp16"), ("torch_export", "bf16")],
)
def test_half_precision(network, tmp_path, format, precision):
    path = tmp_path / f"network{SUFFIX[format]}"
    report = export(network, path, format=format, precision=precision)
    assert report.parameters == sum(2 * parameter.numel() for parameter in network.parameters())
    image = torch.rand(2, 3, 45, 70)
    output, _ = run_alone(path, image)
    assert output.dtype == np.float32
    expected = scores_of(network, image)
    difference = np.abs(output - expected).max() / np.abs(expected).max()
    assert 1e-5 < difference < {"fp16": 2e-2, "bf16": 1e-1}[precision]


@formats
def test_one_size_alone(network, tmp_path, format):
    path = tmp_path / f"network{SUFFIX[format]}"
    export(network, path, format=format, size=(40, 56))
    image = torch.rand(3, 3, 40, 56)
    np.testing.assert_allclose(run_alone(path, image)[0], scores_of(network, image), atol=2e-5)
    with pytest.raises(InputError, match="takes images of 40x56 alone, and this one has 40x57; resize it, or export"):
        load_exported(path)(torch.rand(1, 3, 40, 57))


@pytest.mark.parametrize("name", ["segnet", pytest.param("fcn8s", marks=pytest.mark.slow), "deeplab_largefov"])
def test_the_other_networks(name, tmp_path):
    torch.manual_seed(0)
    network = create_model(name, encoder_name="vgg11", encoder_weights=None, classes=3).eval()
    if name == "fcn8s":
        for layer in network.modules():  # its scores begin at zero
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.normal_(layer.weight, std=0.05)
    export(network, tmp_path / "network.onnx")
    image = torch.rand(1, 3, 45, 70)
    output, _ = run_alone(tmp_path / "network.onnx", image)
    expected = scores_of(network, image)
    assert expected.std() > 0
    np.testing.assert_allclose(output, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_an_encoder_that_takes_multiples_alone(tmp_path):
    network = build("dla34")
    export(network, tmp_path / "network.pt2", format="torch_export")
    image = torch.rand(1, 3, 45, 70)
    np.testing.assert_allclose(run_alone(tmp_path / "network.pt2", image)[0], scores_of(network, image), atol=2e-5)


def test_a_network_in_training_is_left_as_it_is(tmp_path):
    network = build().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export(network, tmp_path / "network.onnx")
    assert network.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("n.onnx", {"format": "onx"}, "unknown format 'onx'; there are onnx, torch_export, openvino, engine"),
        ("n.xml", {}, r"n\.xml: files of format onnx end in \.onnx"),
        (
            "n.engine",
            {"format": "engine"},
            r"need tensorrt, not installed here: pip install 'feedbackward\[tensorrt\]'",
        ),
        (".", {"format": "onnx"}, "end in"),
        ("n.onnx", {"precision": "bf16"}, "come in fp32 or fp16, not in bf16; those of torch_export do"),
        ("n.xml", {"format": "openvino", "size": (7, 20)}, "OpenVINO does not take this network; choose a larger"),
        (
            "new/n.onnx",
            {"tolerance": 1e-12},
            r"differ by .* of the largest, more than the tolerance of 1e-12; it was not kept",
        ),
    ],
)
def test_what_is_refused_leaves_nothing(network, tmp_path, name, options, message):
    with pytest.raises(InputError, match=message):
        export(network, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", ["onnx", "torch_export"])
def test_a_size_that_the_network_pads(network, format, tmp_path):
    path, image = tmp_path / f"network{SUFFIX[format]}", torch.rand(2, 3, 7, 20)
    export(network, path, format=format, size=(7, 20))
    with torch.no_grad():
        scores = network(network.preprocessing(image))
    torch.testing.assert_close(load_exported(path).output(image), scores, rtol=0, atol=1e-4)


def test_a_missing_runtime_is_named(network, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "feedbackward.exporting.formats.base.find_spec", lambda name: None if "onnx" in name else "there"
    )
    message = r"files of format openvino need onnx and onnxscript and onnxruntime, .*'feedbackward\[openvino\]'"
    with pytest.raises(InputError, match=message):
        export(network, tmp_path / "network.xml", format="openvino")


def test_more_classes_than_8_bits_hold(tmp_path):
    network = create_model("test_resnet", encoder_weights=None, classes=300)
    with pytest.raises(InputError, match="the network has 300; export its scores"):
        export(network, tmp_path / "network.onnx", argmax=True)


def test_a_file_that_is_replaced_stays_until_the_new_one_is_whole(network, tmp_path):
    path = tmp_path / "network.onnx"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match="not kept"):
        export(network, path, tolerance=1e-12)
    assert path.read_bytes() == b"old"
    export(network, path)
    assert load_exported(path).class_table == TABLE


class TestLoading:
    @formats
    def test_the_same_scores_and_classes(self, network, exported, format):
        loaded = load_exported(exported(format), threads=1)
        image = torch.rand(1, 3, 45, 70)
        np.testing.assert_allclose(loaded(loaded.preprocessing(image)), scores_of(network, image), atol=2e-5)
        assert (loaded.classes, loaded.class_table, loaded.config) == (3, TABLE, network.config)

    @formats
    def test_a_damaged_file(self, exported, format, tmp_path):
        path = tmp_path / f"damaged{SUFFIX[format]}"
        whole = exported(format).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        path.with_suffix(".bin").write_bytes(b"")
        with pytest.raises(InputError, match=r"damaged|truncated"):
            load_exported(path)

    def test_weights_that_are_not_beside_it(self, exported, tmp_path):
        path = tmp_path / "network.xml"
        path.write_bytes(exported("openvino").read_bytes())
        with pytest.raises(InputError, match=r"has its weights in network\.bin, which is not beside it"):
            load_exported(path)

    def test_a_file_of_another_program(self, exported, tmp_path):
        model = onnx.load(exported("onnx"))
        del model.metadata_props[:]
        onnx.save(model, tmp_path / "other.onnx")
        with pytest.raises(InputError, match="was not written by `feedbackward export`"):
            load_exported(tmp_path / "other.onnx")

    def test_a_file_of_another_version(self, exported, tmp_path):
        model = onnx.load(exported("onnx"))
        described = json.loads(model.metadata_props[0].value) | {"layout": 99, "version": "9.9"}
        onnx.helper.set_model_props(model, {"feedbackward": json.dumps(described)})
        onnx.save(model, tmp_path / "newer.onnx")
        with pytest.raises(InputError, match=r"written by feedbackward 9\.9, whose files .* export the network again"):
            load_exported(tmp_path / "newer.onnx")

    @pytest.mark.parametrize(
        ("shape", "message"),
        [((1, 3, 20, 64), "of 33x33 or more, and this one has 20x64"), ((1, 1, 64, 64), "takes 3 channels, found 1")],
    )
    def test_images_that_it_does_not_take(self, exported, shape, message):
        with pytest.raises(InputError, match=message):
            load_exported(exported("onnx"))(torch.rand(*shape))

    def test_no_file(self, tmp_path):
        with pytest.raises(InputError, match="no such file"):
            load_exported(tmp_path / "gone.onnx")
        with pytest.raises(InputError, match=r"no exported network by its name; expected one of \.onnx \.pt2"):
            load_exported(tmp_path / "network.tflite")
