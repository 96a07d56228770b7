"""A tiny network, its files in each format, and each format's own runtime."""

import onnxruntime
import openvino
import pytest
import torch
from torch import nn

from feedbackward.classes import ClassTable
from feedbackward.decoder_config import DecoderConfig
from feedbackward.exporting import export
from feedbackward.models import Feedbackward, create_model

TABLE = ClassTable(("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)))
SUFFIX = {"onnx": ".onnx", "torch_export": ".pt2", "openvino": ".xml"}


@pytest.fixture(params=SUFFIX)
def format(request):
    return request.param


@pytest.fixture
def target(tmp_path, format):
    """A file of the format, to be written."""
    return tmp_path / f"network{SUFFIX[format]}"


class Residual(nn.Module):
    """A residual block that halves the resolution."""

    def __init__(self, channels, out_channels):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, out_channels, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(channels, out_channels, 1, stride=2)

    def forward(self, x):
        return torch.relu(self.branch(x) + self.shortcut(x))


@pytest.fixture(scope="session")
def build():
    """Builds a feedbackward network whose norms have statistics as after training.

    Without an encoder's name it is one of few layers: the time of an export grows with their number.
    """

    def _build(encoder_name=None, *, widths=(8, 16, 24), **options):
        torch.manual_seed(0)
        decoder = DecoderConfig(**options) if options else None
        if encoder_name is None:
            stem = nn.Conv2d(3, widths[0], 3, stride=2, padding=1)
            few = nn.Sequential(stem, nn.ReLU(), *map(Residual, widths, widths[1:]))
            network = Feedbackward(few, classes=3, decoder=decoder)
        else:
            network = create_model(encoder_name, encoder_weights=None, classes=3, decoder=decoder)
        network.class_table = TABLE
        for norm in network.modules():
            if isinstance(norm, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(norm.running_mean, -0.1, 0.1)
                torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
        return network.eval()

    return _build


@pytest.fixture(scope="session")
def network(build):
    return build()


@pytest.fixture(scope="session")
def reports(network, tmp_path_factory):
    """The report of an export, which runs on first use."""
    folder, made = tmp_path_factory.mktemp("exported"), {}

    def _reports(format, **options):
        key = (format, *options.items())
        if key not in made:
            path = folder / str(len(made)) / f"network{SUFFIX[format]}"
            made[key] = export(network, path, format=format, **options)
        return made[key]

    return _reports


@pytest.fixture(scope="session")
def exported(reports):
    """The network's file in a format, exported on first use; further options are those of export."""

    def _exported(format, **options):
        return next(path for path in reports(format, **options).files if path.suffix == SUFFIX[format])

    return _exported


@pytest.fixture(scope="session")
def run_alone():
    """Runs a file without this library: its output and its metadata as text."""

    def _run_alone(path, image):
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

    return _run_alone


@pytest.fixture(scope="session")
def logits_of():
    """The network's logits for images that are normalized by hand."""

    def _logits_of(network, image):
        preprocessing = network.preprocessing
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
        with torch.no_grad():
            return network((image - mean) / std).numpy()

    return _logits_of
