"""Exported files, opened as segmenters."""

import json

import numpy as np
import onnx
import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.exporting import load_exported

pytestmark = pytest.mark.usefixtures("exporting")


@pytest.fixture
def edited(exported, tmp_path):
    """The ONNX file with changed metadata."""

    def _edited(metadata):
        model = onnx.load(exported("onnx"))
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, metadata)
        onnx.save(model, tmp_path / "edited.onnx")
        return tmp_path / "edited.onnx"

    return _edited


@pytest.fixture
def metadata(exported):
    """The metadata of the ONNX file."""
    return json.loads(onnx.load(exported("onnx")).metadata_props[0].value)


def test_the_logits_of_tensors(network, exported, format, logits_of):
    image = torch.rand(1, 3, 45, 70)
    logits = load_exported(exported(format), threads=1).logits(image)
    assert isinstance(logits, torch.Tensor)
    np.testing.assert_allclose(logits, logits_of(network, image), atol=2e-5)


def test_the_logits_of_arrays(network, exported, format, logits_of):
    image = torch.rand(1, 3, 45, 70)
    logits = load_exported(exported(format), threads=1).logits(image.numpy())
    assert isinstance(logits, np.ndarray)
    np.testing.assert_allclose(logits, logits_of(network, image), atol=2e-5)


def test_arrays_need_not_be_contiguous(exported, format):
    loaded = load_exported(exported(format), threads=1)
    image = np.random.default_rng(0).random((1, 45, 70, 3), np.float32).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(loaded.logits(image), loaded.logits(np.ascontiguousarray(image)))


def test_an_output_is_not_overwritten_by_the_next(exported, format):
    loaded = load_exported(exported(format), threads=1)
    first = loaded.logits(torch.zeros(1, 3, 40, 48))
    before = first.clone()
    loaded.logits(torch.ones(1, 3, 40, 48))
    torch.testing.assert_close(first, before, rtol=0, atol=0)


def test_a_file_describes_its_network(network, exported, format):
    loaded = load_exported(exported(format))
    assert (loaded.classes, loaded.class_table, loaded.config) == (3, network.class_table, network.config)


def test_a_file_normalizes_itself(exported):
    preprocessing = load_exported(exported("onnx")).preprocessing
    assert (preprocessing.mean, preprocessing.std) == ((0, 0, 0), (1, 1, 1))


def test_the_logits_of_a_file_of_classes_are_one_hot(exported, format):
    loaded, image = load_exported(exported(format, argmax=True)), torch.rand(2, 3, 40, 50)
    output, one_hot = loaded.output(image), loaded.logits(image)
    assert output.dtype == torch.uint8
    assert torch.equal(one_hot, torch.nn.functional.one_hot(output.long(), 3).movedim(-1, 1).float())


def test_whether_a_file_outputs_logits(exported):
    assert load_exported(exported("onnx")).outputs_logits
    assert not load_exported(exported("onnx", argmax=True)).outputs_logits


def test_a_damaged_file(exported, format, tmp_path):
    path = tmp_path / exported(format).with_stem("damaged").name
    whole = exported(format).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    path.with_suffix(".bin").write_bytes(b"")
    name = {"onnx": "ONNX", "torch_export": "torch.export", "openvino": "OpenVINO"}[format]
    with pytest.raises(InputError, match=f"is not a valid {name} file"):
        load_exported(path)


def test_missing_weights(exported, tmp_path):
    path = tmp_path / "network.xml"
    path.write_bytes(exported("openvino").read_bytes())
    with pytest.raises(InputError, match=r"the weights of .* are missing: expected network\.bin"):
        load_exported(path)


def test_a_file_of_another_program(edited):
    with pytest.raises(InputError, match="was not written by `feedbackward export`: it contains no metadata"):
        load_exported(edited({}))


def test_a_file_of_a_newer_format(edited, metadata):
    newer = json.dumps(metadata | {"format": 99, "version": "9.9"})
    message = r"has version 99 of the export format, written by feedbackward 9\.9; .* reads version 3: export the"
    with pytest.raises(InputError, match=message):
        load_exported(edited({"feedbackward": newer}))


def test_a_file_of_the_first_format(edited, metadata):
    del metadata["format"]
    older = json.dumps({"layout": 1, **metadata})
    with pytest.raises(InputError, match=r"has version 1 of the export format, .*: export the network again"):
        load_exported(edited({"feedbackward": older}))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 3, 20, 64), "takes images from 33x33 on, and this one has 20x64"),
        ((1, 1, 64, 64), "takes images of 3 channels, found 1"),
    ],
)
@pytest.mark.parametrize("method", ["logits", "output"])
def test_images_of_another_shape(exported, method, shape, message):
    with pytest.raises(InputError, match=message):
        getattr(load_exported(exported("onnx")), method)(torch.rand(*shape))


def test_images_of_another_size_than_the_fixed_one(exported):
    loaded = load_exported(exported("onnx", size=(40, 56)))
    with pytest.raises(InputError, match="takes images of 40x56 only, and this one has 40x57; resize it, or export"):
        loaded.logits(torch.rand(1, 3, 40, 57))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_exported(tmp_path / "gone.onnx")


def test_a_file_with_another_suffix(tmp_path):
    with pytest.raises(InputError, match=r"does not have the suffix of an exported file; expected one of \.onnx \.pt2"):
        load_exported(tmp_path / "network.tflite")
