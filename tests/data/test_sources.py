import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from feedbackward.data import CAMVID, CITYSCAPES, SegmentationDataModule, find_source, list_sources
from feedbackward.errors import InputError


@pytest.mark.parametrize("name", list_sources())
def test_the_datamodule_of_every_source_agrees_with_its_description(name, folder):
    source = find_source(name)
    module, _, attribute = source.datamodule.rpartition(".")
    datamodule = getattr(import_module(module), attribute)
    assert issubclass(datamodule, SegmentationDataModule)
    given = {"streets": {}, "shards": {"classes": folder / "classes.yaml"}}
    data = datamodule(**given.get(name, {"root": folder}))
    classes = source.read_classes(folder / "classes.yaml" if source.classes is None else None)
    assert data.class_table == classes.table
    assert data.scoring == source.scoring


@pytest.mark.parametrize(
    ("name", "table", "value", "index"), [("cityscapes", CITYSCAPES, 26, 13), ("camvid", CAMVID, 11, 255)]
)
def test_fixed_classes(name, table, value, index, tmp_path, write):
    classes = find_source(name).read_classes()
    assert classes.table is table
    mask = write(tmp_path / "mask.png", np.full((2, 3), value, np.uint8))
    assert (classes.encoding.read(mask) == index).all()
    with pytest.raises(InputError, match=rf"data set {name} has its own classes: omit the class file x\.yaml"):
        find_source(name).read_classes(tmp_path.joinpath("x.yaml").relative_to(tmp_path))


def test_a_folder_needs_a_class_file(folder):
    assert find_source("folder").read_classes(folder / "classes.yaml").table.names == ("background", "car")
    with pytest.raises(InputError, match=r"data set folder needs a class file .* --classes FILE"):
        find_source("folder").read_classes()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("camvit", "unknown data set 'camvit'; did you mean camvid?"),
        ("x", "expected one of cityscapes, camvid"),
    ],
)
def test_an_unknown_data_set_is_refused(name, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        find_source(name)


@pytest.mark.parametrize(
    ("act", "unneeded"),
    [
        ("list_sources()", "{'torch', 'numpy', 'PIL', 'yaml'}"),
        ("find_source('streets').read_classes()", "{'torch', 'torchvision', 'lightning', 'jsonargparse'}"),
    ],
)
def test_the_registry_imports_only_what_it_needs(act, unneeded):
    code = f"import sys; from feedbackward.data import *; {act}; sys.exit(' '.join({unneeded} & set(sys.modules)) or 0)"
    code = code.replace("import *", "import find_source, list_sources")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
