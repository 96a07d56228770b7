import pickle
import zipfile

import pytest
import torch

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.exporting.formats import SUFFIXES
from feedbackward.models import create_model, load_network, saved

TABLE = ClassTable(("red", "green", "blue"), ((200, 0, 0), (0, 200, 0), (0, 0, 200)))


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(3)
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.class_table = TABLE
    return network.eval()


@pytest.fixture(scope="module")
def checkpoint(trained, tmp_path_factory):
    """A file of `feedbackward fit`, with what Lightning adds to it."""
    path = tmp_path_factory.mktemp("run") / "best.ckpt"
    torch.save(
        {
            "epoch": 3,
            "state_dict": {
                "loss.weight": torch.ones(3),
                **{f"network.{name}": tensor for name, tensor in trained.state_dict().items()},
            },
            "optimizer_states": [{"state": {0: {"step": torch.tensor(1.0)}}}],
            "feedbackward": {"network": trained.describe()},
        },
        path,
    )
    return path


class RunsCode:
    """Calls pytest.fail when a pickle that contains it is loaded."""

    def __reduce__(self):
        return pytest.fail, ("the file ran code",)


def edited(checkpoint, tmp_path, edit):
    """A copy of the checkpoint with its content changed."""
    content = torch.load(checkpoint, weights_only=True)
    edit(content)
    torch.save(content, tmp_path / "edited.ckpt")
    return tmp_path / "edited.ckpt"


def assert_same(network, reference):
    image = torch.rand(1, 3, 33, 50)
    assert not network.training
    assert network.class_table == reference.class_table
    with torch.inference_mode():
        torch.testing.assert_close(network(image), reference(image), rtol=0, atol=0)


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_loads_a_checkpoint(trained, checkpoint, kind):
    assert_same(load_network(kind(checkpoint)), trained)


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_loads_a_saved_folder(trained, tmp_path, kind):
    trained.save_pretrained(tmp_path / "saved")
    assert_same(load_network(kind(tmp_path / "saved")), trained)


def test_the_hub_is_queried_for_an_id_that_is_not_a_path(trained, tmp_path, monkeypatch):
    asked = []
    trained.save_pretrained(tmp_path / "snapshot")
    monkeypatch.setattr(saved, "fetch", lambda name: asked.append(name) or tmp_path / "snapshot")
    monkeypatch.chdir(tmp_path)
    assert_same(load_network("someone/camvid-mobilenet"), trained)
    assert asked == ["someone/camvid-mobilenet"]
    for name in ("nothing", "./some/folder", "/a/b", "a/b/c", "runs/best.ckpt", "saved/model.safetensors"):
        with pytest.raises(InputError, match=rf"no such model: {name}; expected a folder"):
            load_network(name)
    assert len(asked) == 1


def test_a_mistyped_path_is_reported_as_a_path_first(tmp_path, monkeypatch):
    asked = []

    def unreachable(name):
        asked.append(name)
        raise InputError("no network")

    monkeypatch.setattr(saved, "fetch", unreachable)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^no such folder or file: runs/typo; as a hub id: no network$"):
        load_network("runs/typo")
    (tmp_path / "runs").mkdir()
    with pytest.raises(
        InputError, match=r"^no such folder or file: runs/typo; the hub is not queried: runs/ is a local directory"
    ):
        load_network("runs/typo")
    assert asked == ["runs/typo"]


def test_a_folder_without_a_network(tmp_path):
    with pytest.raises(InputError, match=r"is not a saved network: config\.json and model\.safetensors missing"):
        load_network(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.ckpt").touch()
    with pytest.raises(InputError, match=r": model\.safetensors missing; .* mean .*/checkpoints/best\.ckpt\?"):
        load_network(tmp_path)


def test_a_damaged_folder(trained, tmp_path):
    trained.save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"model\.safetensors"):
        load_network(tmp_path)
    weights.write_bytes(whole)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json"):
        load_network(tmp_path)


def test_a_single_file_of_a_folder(trained, tmp_path):
    trained.save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"a single file of a saved network; give its folder"):
        load_network(tmp_path / "model.safetensors")


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"state_dict": {}})])
def test_other_files(tmp_path, content):
    (tmp_path / "a.ckpt").write_bytes(content)
    with pytest.raises(InputError, match="is not a checkpoint"):
        load_network(tmp_path / "a.ckpt")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_checkpoint(checkpoint, tmp_path, kept):
    content = checkpoint.read_bytes()
    (tmp_path / "a.ckpt").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match="is truncated: its end is missing"):
        load_network(tmp_path / "a.ckpt")


def test_a_zip_that_is_not_a_checkpoint(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.ckpt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match="is not a valid checkpoint"):
        load_network(tmp_path / "a.ckpt")


def test_code_in_a_checkpoint_is_refused_and_not_run(checkpoint, tmp_path):
    path = edited(checkpoint, tmp_path, lambda content: content.update(extra=RunsCode()))
    with pytest.raises(InputError, match=r"could run code: _pytest\.outcomes\."):
        load_network(path)


def test_a_checkpoint_of_another_program(tmp_path):
    torch.save({"model": {}, "args": 1}, tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=r"checkpoint of another program: .* found args, model; give one"):
        load_network(tmp_path / "a.ckpt")
    torch.save(torch.zeros(3), tmp_path / "b.ckpt")
    with pytest.raises(InputError, match=r"of another program: .* found a Tensor"):
        load_network(tmp_path / "b.ckpt")


def test_tensors_that_do_not_fit(trained, checkpoint, tmp_path):
    names = list(trained.state_dict())

    def edit(content):
        tensors = content["state_dict"]
        del tensors[f"network.{names[0]}"]
        tensors[f"network.{names[1]}"] = torch.zeros(7, 7, 7)
        tensors["network.stranger"] = torch.zeros(1)

    with pytest.raises(InputError) as caught:
        load_network(edited(checkpoint, tmp_path, edit))
    message = str(caught.value)
    assert f"1 of {len(names)} tensors missing ({names[0]})" in message
    assert "1 unexpected (stranger)" in message
    assert f"1 of another shape ({names[1]} is 7x7x7, expected 16)" in message


def test_other_classes_than_the_configuration(checkpoint, tmp_path):
    path = edited(checkpoint, tmp_path, lambda content: content["feedbackward"]["network"].update(classes=5))
    with pytest.raises(InputError, match="the class table names 3 classes, and the network has 5"):
        load_network(path)


def test_a_run_folder_points_to_its_saved_network(trained, tmp_path):
    trained.save_pretrained(tmp_path / "model")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.ckpt").touch()
    with pytest.raises(InputError, match=r"did you mean .*/model\?"):
        load_network(tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_exported_file_is_no_network(tmp_path, suffix):
    path = tmp_path / f"network{suffix}"
    path.write_bytes(b"exported")
    with pytest.raises(InputError, match="is named like an exported file, and this needs the network itself; give the"):
        load_network(path)


def test_the_suffixes_of_exported_files_are_those_of_the_formats():
    assert set(saved.EXPORTED_SUFFIXES) == set(SUFFIXES)
