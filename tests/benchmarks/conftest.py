"""Scripts of benchmarks/ as modules, the study's networks, and a narrow VGG-16 that trains in seconds."""

from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.vgg import VGG, ConvMlp, cfgs

from feedbackward.benchmark.peers import IMAGENET
from feedbackward.models.builders import MODELS, NETWORKS

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """Loads a script of benchmarks/ as a module, by its name; it finds those that it imports."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def load(name):
        spec = spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def registered():
    """The study's own networks: the module, and what importing it adds to each registry."""
    before = [(registry, dict(registry)) for registry in (MODELS, NETWORKS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS / "study"))
        module = import_module("networks")
        added = [(registry, dict(registry)) for registry, _ in before]
        for registry, content in before:
            registry.clear()
            registry.update(content)
        yield module, added


@pytest.fixture(scope="module")
def networks(registered):
    """The study's own networks, registered while the tests of a file run."""
    module, added = registered
    before = [(registry, dict(registry)) for registry in (MODELS, NETWORKS)]
    for registry, content in added:
        registry.update(content)
    yield module
    for registry, content in before:
        registry.clear()
        registry.update(content)


WIDTH = 4
"""The narrow VGG has this fraction of VGG-16's channels, in the fully connected layers too."""

default_cfgs = generate_default_cfgs(
    {
        "vgg16_quarter": {
            "mean": IMAGENET.mean,
            "std": IMAGENET.std,
            "first_conv": "features.0",
            "classifier": "head.fc",
        }
    }
)
"""register_model reads it."""


class NarrowVGG(VGG):
    """VGG-16 at a quarter of its width."""

    def __init__(self, **options: Any) -> None:
        super().__init__([width if width == "M" else width // WIDTH for width in cfgs["vgg16"]], **options)
        self.pre_logits = ConvMlp(512 // WIDTH, 4096 // WIDTH, 7)
        self._initialize_weights()


@register_model
def vgg16_quarter(pretrained: bool = False, **options: Any) -> VGG:
    """VGG-16 at a quarter of its width."""
    return build_model_with_cfg(NarrowVGG, "vgg16_quarter", pretrained, **options)
