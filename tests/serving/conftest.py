"""A server with one small network: for Starlette's client, and one that listens."""

import threading
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from feedbackward.classes import ClassTable
from feedbackward.models import create_model
from feedbackward.serving.application import create_app
from feedbackward.serving.limits import Limits
from feedbackward.serving.offered import offer_given
from feedbackward.serving.running import create_server, listen
from feedbackward.serving.service import Service

LIMITS = Limits(upload_bytes=300_000, megapixels=3, results=3, video_frames=5)
HOSTS = ("localhost", "127.0.0.1", "::1")


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The folder of a network with three classes."""
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.class_table = ClassTable(
        ("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142)), values=(7, 23, 26), void_value=0
    )
    folder = tmp_path_factory.mktemp("run") / "small" / "model"
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def service(model):
    service = Service(offer_given([[str(model)]]), limits=LIMITS, batch_size=4, device="cpu")
    service.load_all()
    return service


@pytest.fixture(scope="session")
def started(service):
    app = create_app(service, page=False, hosts=HOSTS, origins=["segment.example"])
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def client(started):
    """A visitor without a session."""
    started.cookies.clear()
    return started


def _encoded(image):
    file = BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="session")
def encoded():
    """An array as the bytes of a PNG."""
    return _encoded


@pytest.fixture(scope="session")
def image():
    """An image with areas, so that its classes are not those of noise."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)


@pytest.fixture(scope="session")
def upload(image):
    return _encoded(image)


@pytest.fixture(scope="session")
def port(model):
    """The port of a server that runs in a thread."""
    limits = Limits(upload_bytes=100_000, megapixels=1, receive_seconds=10)
    service = Service(offer_given([[str(model)]]), limits=limits, device="cpu")
    listening = listen("127.0.0.1", 0)
    server = create_server(create_app(service, page=False, hosts=["127.0.0.1"]))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()
