"""Exported files, opened as segmenters."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.exporting import load_exported
from feedbackward.segmenters import Normalized
from feedbackward.segmenters.augment import Augment
from feedbackward.segmenters.augmented import Augmented
from feedbackward.segmenters.stitching import stitch
from feedbackward.segmenters.tiles import Tiles

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


def test_files_that_run_at_the_same_time_have_the_same_logits(exported, format):
    """OpenVINO and PyTorch files run one after another: the file says so."""
    loaded = load_exported(exported(format), at_once=2)
    assert loaded.at_once == (2 if format == "onnx" else 1)
    images = np.random.default_rng(0).random((8, 1, 3, 45, 70), np.float32)
    expected = [load_exported(exported(format)).logits(image) for image in images]
    with ThreadPoolExecutor(loaded.at_once) as threads:
        found = list(threads.map(loaded.logits, images))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_file_describes_its_network(network, exported, format):
    loaded = load_exported(exported(format))
    assert (loaded.classes, loaded.class_table, loaded.config) == (3, network.class_table, network.config)


def test_a_file_normalizes_itself(exported):
    preprocessing = load_exported(exported("onnx")).preprocessing
    assert (preprocessing.mean, preprocessing.std) == ((0, 0, 0), (1, 1, 1))


def test_the_logits_of_a_file_of_classes_are_one_hot(exported, format):
    loaded, image = load_exported(exported(format, argmax=True)), torch.rand(2, 3, 40, 50)
    (output,), one_hot = loaded.outputs(image), loaded.logits(image)
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
    said = {"onnx": "not a valid ONNX file", "torch_export": "truncated", "openvino": "not a valid OpenVINO file"}[
        format
    ]
    with pytest.raises(InputError, match=f"is {said}"):
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
    message = r"has version 99 of the export format, written by feedbackward 9\.9; .* reads version 4: export the"
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
        ((1, 3, 5, 64), "takes images from 9x9 on, and this one has 5x64"),
        ((1, 1, 64, 64), "takes images of 3 channels, found 1"),
    ],
)
@pytest.mark.parametrize("method", ["logits", "outputs"])
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


def tiled(segmenter, image):
    """The logits of an image (H, W, 3) in [0, 1], in tiles."""
    bands = stitch(
        lambda top, bottom: image[top:bottom],
        image.shape[:2],
        lambda tile: np.asarray(segmenter.logits(tile.transpose(2, 0, 1)[None])[0]),
        lambda logits: logits,
        tiles=Tiles((128, 192), overlap=64),
        padded_size=segmenter.padded_size,
    )
    return np.concatenate(list(bands), axis=1)


def test_tiles_of_a_file_for_any_size_are_those_of_the_network(network, exported, format, logits_of):
    class Reference:
        padded_size = network.padded_size

        def logits(self, images):
            return logits_of(network, torch.from_numpy(images.copy()))

    image = np.random.default_rng(0).random((300, 400, 3), np.float32)
    found = tiled(load_exported(exported(format), threads=1), image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, tiled(Reference(), image), atol=2e-5)


def test_an_image_too_small_for_a_file_is_reflected(exported):
    loaded = load_exported(exported("onnx"), threads=1)
    image = np.random.default_rng(0).random((6, 50, 3), np.float32)
    padded = np.pad(image, ((0, loaded.metadata.smallest - 6), (0, 0), (0, 0)), "reflect")
    expected = loaded.logits(padded.transpose(2, 0, 1)[None])[0, :, :6]
    np.testing.assert_allclose(tiled(loaded, image), expected)


def test_tiles_of_a_file_for_one_size(network, exported, logits_of):
    loaded = load_exported(exported("onnx", size=(96, 128)), threads=1)
    image = np.random.default_rng(0).random((96, 300, 3), np.float32)
    found = tiled(loaded, image)
    assert found.shape == (3, 96, 300)
    # The first and the last columns belong to one tile each.
    for columns in (slice(0, 128), slice(172, 300)):
        tile = torch.from_numpy(image[:, columns].transpose(2, 0, 1).copy())[None]
        single = slice(0, 40) if columns.start == 0 else slice(88, 128)
        expected = logits_of(network, tile)[0, ..., single]
        np.testing.assert_allclose(found[..., columns][..., single], expected, atol=2e-5)


def test_flips_and_scales_of_a_file_are_those_of_the_network(network, exported, format):
    image, augment = torch.rand(1, 3, 96, 160), Augment(flip=True, scales=(0.75, 1.0))
    found = Augmented(load_exported(exported(format), threads=1), augment).logits(image)
    with torch.inference_mode():
        expected = Augmented(Normalized(network), augment).logits(image)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "beside.bin"])
def test_an_onnx_file_that_reads_another_file_is_refused(exported, tmp_path, location):
    model = onnx.load(exported("onnx"))
    weight = next(each for each in model.graph.initializer if len(each.raw_data) >= 64)
    (tmp_path / "beside.bin").write_bytes(weight.raw_data)
    onnx.external_data_helper.set_external_data(weight, location)
    weight.ClearField("raw_data")
    (tmp_path / "network.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"network\.onnx was not loaded: it reads weights from other files"):
        load_exported(tmp_path / "network.onnx")


def test_an_onnx_file_may_have_a_class_location(exported, edited, metadata):
    table = metadata["class_table"]
    table["names"][0] = "location"
    loaded = load_exported(edited({"feedbackward": json.dumps(metadata)}))
    assert loaded.class_table.names[0] == "location"
