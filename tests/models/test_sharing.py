"""Publishing and loading against a stand-in of the hub's HTTP API, on loopback."""

import json
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import ModelCard
from safetensors.torch import save

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.models import SegmentationNetwork, SegNet
from feedbackward.models.origin import timm_origin

TABLE = ClassTable(("leaf", "rust"), ((0, 1, 2), (3, 4, 5)))


def small() -> SegmentationNetwork:
    return fb.create_model("segnet", encoder_name="vgg11_narrow", classes=2, encoder_weights=None).eval()


@pytest.fixture(scope="module")
def network() -> SegmentationNetwork:
    torch.manual_seed(0)
    built = small()
    built.class_table = TABLE
    return built


@pytest.fixture(scope="module")
def backbone() -> dict[str, torch.Tensor]:
    """The weights of timm's repository."""
    torch.manual_seed(1)
    return timm.create_model("test_resnet").state_dict()


@pytest.fixture
def timm_hub(hub, backbone):
    """The stand-in with the repository of timm's weights."""
    hub.add("timm/test_resnet.r160_in1k", {"model.safetensors": save(backbone), "config.json": b"{}"})
    return hub


@pytest.fixture(scope="module")
def adapted(backbone, tmp_path_factory) -> fb.Feedbackward:
    """A network on timm's weights, with what an adapter contains."""
    weights = tmp_path_factory.mktemp("weights") / "backbone.safetensors"
    weights.write_bytes(save(backbone))
    frozen = fb.create_model("test_resnet", classes=2, encoder_weights=weights, freeze_encoder=True)
    frozen.class_table, frozen.origin = TABLE, timm_origin("test_resnet")
    return frozen.eval()


@pytest.fixture
def adapter(adapted, tmp_path: Path) -> Path:
    adapted.save_adapter(tmp_path / "leaves.safetensors", scores={"mean IoU": "93.6"})
    return tmp_path / "leaves.safetensors"


def assert_same(found: torch.nn.Module, expected: torch.nn.Module) -> None:
    ours, theirs = found.state_dict(), expected.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def downloads(hub) -> list[str]:
    """The files that were downloaded since the last call."""
    return sorted(
        path.partition("/resolve/")[2].partition("/")[2]
        for path in hub.take_requests()
        if path.startswith("GET /") and "/resolve/" in path
    )


def test_a_network_is_pushed_and_loaded_bit_for_bit(hub, network) -> None:
    assert network.push_to_hub("someone/streets") == f"{hub.url}/someone/streets"
    assert sorted(hub.repositories["someone/streets"][-1]) == ["README.md", "config.json", "model.safetensors"]
    loaded = fb.from_pretrained("someone/streets")
    assert_same(loaded, network)
    assert (loaded.class_table, loaded.origin) == (TABLE, network.origin)
    assert downloads(hub) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("options", [{"push_to_hub": True, "repo_id": "someone/streets"}, {"config": {"a": 1}}])
def test_a_folder_is_written_without_options_of_the_hub(hub, network, tmp_path, options) -> None:
    with pytest.raises(fb.InputError, match=rf'takes no {", ".join(options)}; publish .* push_to_hub\("OWNER/NAME"\)$'):
        network.save_pretrained(tmp_path / "streets", **options)
    assert not (tmp_path / "streets").exists()
    assert hub.take_requests() == []


def test_a_second_load_downloads_nothing(hub, network) -> None:
    network.push_to_hub("someone/streets")
    hub.take_requests()
    result = fb.load("someone/streets")(torch.rand(3, 32, 32))
    assert result.table == TABLE
    assert downloads(hub) == ["config.json", "model.safetensors"]
    SegNet.from_pretrained("someone/streets")
    assert downloads(hub) == []


def test_the_cache_is_enough_without_the_hub(hub, network, monkeypatch) -> None:
    network.push_to_hub("someone/streets")
    fb.from_pretrained("someone/streets")
    hub.take_requests()
    hub.down = True
    assert_same(fb.from_pretrained("someone/streets"), network)
    hub.down = False
    hub.take_requests()
    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        assert_same(fb.from_pretrained("someone/streets"), network)
        with pytest.raises(fb.InputError, match=r"not in the cache, and HF_HUB_OFFLINE forbids the network; unset it$"):
            fb.from_pretrained("someone/other")
    assert hub.take_requests() == []


def test_a_revision_stays_what_it_was(hub, network) -> None:
    network.push_to_hub("someone/streets")
    first = hub.commit_id("someone/streets", 1)
    other = small()
    other.push_to_hub("someone/streets")
    assert_same(fb.from_pretrained("someone/streets"), other)
    assert_same(fb.from_pretrained(f"someone/streets@{first}"), network)
    assert_same(fb.from_pretrained("someone/streets", revision=first), network)
    with pytest.raises(fb.InputError, match="two revisions; give one"):
        fb.from_pretrained(f"someone/streets@{first}", revision="main")
    with pytest.raises(fb.InputError, match=r"no such revision; give a branch, a tag or a commit of it$"):
        fb.from_pretrained("someone/streets@v9")


def test_an_adapter_is_pushed_and_loaded_with_its_backbone_alone(
    timm_hub, adapter, adapted, backbone, tmp_path
) -> None:
    fb.push_to_hub(adapter, "someone/leaves")
    assert sorted(timm_hub.repositories["someone/leaves"][-1]) == ["README.md", "adapter.safetensors"]
    timm_hub.take_requests()
    loaded = fb.load_adapter("someone/leaves")
    assert_same(loaded, adapted)
    assert loaded.origin == adapted.origin
    assert downloads(timm_hub) == ["adapter.safetensors", "model.safetensors"]

    weights = tmp_path / "backbone.safetensors"
    weights.write_bytes(save(backbone))
    timm_hub.take_requests()
    segmenter = fb.load(["someone/leaves"], backbone=weights)
    assert list(segmenter(torch.rand(3, 32, 32))) == ["leaves"]
    assert not any("timm" in request for request in timm_hub.take_requests())


def test_a_repository_has_one_model(timm_hub, network, adapter) -> None:
    network.push_to_hub("someone/leaves")
    fb.push_to_hub(adapter, "someone/leaves")
    assert sorted(timm_hub.repositories["someone/leaves"][-1]) == ["README.md", "adapter.safetensors"]
    with pytest.raises(fb.InputError, match=r"'someone/leaves' is an adapter, .* load it with fb\.load_adapter"):
        fb.from_pretrained("someone/leaves")
    network.push_to_hub("someone/leaves")
    assert_same(fb.from_pretrained("someone/leaves"), network)
    with pytest.raises(fb.InputError, match=r"contains no adapter\.safetensors, so it is not an adapter"):
        fb.load_adapter("someone/leaves")


def test_the_card_of_a_folder_is_published_as_it_is_with_the_repository_in_its_examples(hub, network, tmp_path) -> None:
    network.save_pretrained(tmp_path / "streets")
    card = tmp_path / "streets/README.md"
    card.write_text(card.read_text() + "\nOwn words, and --data.root FOLDER.\n")
    (tmp_path / "streets/secret.txt").touch()
    fb.push_to_hub(tmp_path / "streets", "someone/streets")
    published = hub.repositories["someone/streets"][-1]
    text = published["README.md"].decode()
    assert "feedbackward predict someone/streets IMAGES" in text
    assert 'fb.load("someone/streets")' in text
    assert text.endswith("\nOwn words, and --data.root FOLDER.\n")
    assert "secret.txt" not in published


def test_the_card_of_an_adapter(timm_hub, adapter, adapted) -> None:
    fb.push_to_hub(adapter, "someone/leaves")
    card = ModelCard(timm_hub.repositories["someone/leaves"][-1]["README.md"].decode())
    assert card.data.base_model == "timm/test_resnet.r160_in1k"
    assert (card.data.license, card.data.license_name) == ("other", "not-stated")
    assert "An adapter: feedbackward on test_resnet." in card.text
    assert "| mean IoU |\n| ---: |\n| 93.6 |" in card.text
    assert "timm's weights `test_resnet.r160_in1k`. Their license: apache-2.0." in card.text
    own = (parameter for name, parameter in adapted.named_parameters() if not name.startswith("encoder."))
    trained = sum(parameter.numel() for parameter in own)
    assert f"2 classes with {trained:,} trained parameters" in card.text
    adapter.with_suffix(".md").write_text("---\nlicense: mit\n---\nMine.\n")
    fb.push_to_hub(adapter, "someone/leaves")
    assert timm_hub.repositories["someone/leaves"][-1]["README.md"].endswith(b"Mine.\n")


def test_a_repository_with_more_than_a_model(hub, network) -> None:
    network.push_to_hub("someone/streets")
    hub.add("someone/streets", {"pytorch_model.bin": b"code", "run.py": b"code", "folder/config.json": b"{}"})
    hub.take_requests()
    assert_same(fb.from_pretrained("someone/streets"), network)
    assert downloads(hub) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"auto_map": {"AutoModel": "run.Model"}}, r"a segnet network has no auto_map"),
        ({"encoder_weights": "/etc/passwd"}, r"a segnet network has no encoder_weights"),
        ({"model": "os.system"}, r"does not describe a network of this library"),
        ({"origin": {"weights": "a\nb", "license": "mit"}}, r"origin is .*; expected the names"),
        ({"origin": {"weights": "x"}}, r"origin is .*; expected the names"),
    ],
)
def test_a_configuration_with_more_than_a_network_is_refused(hub, network, change, message) -> None:
    network.push_to_hub("someone/streets")
    config = json.loads(hub.repositories["someone/streets"][-1]["config.json"])
    hub.add("someone/streets", {"config.json": json.dumps({**config, **change}).encode()})
    with pytest.raises(fb.InputError, match=message):
        fb.from_pretrained("someone/streets")


def test_a_repository_of_code_alone_is_refused_without_a_download(hub) -> None:
    hub.add("someone/code", {"pytorch_model.bin": b"code", "run.py": b"code"})
    with pytest.raises(fb.InputError, match=r"has neither config\.json and model\.safetensors nor adapter"):
        fb.load("someone/code")
    assert downloads(hub) == []


@pytest.mark.parametrize(
    ("token", "repository", "message"),
    [
        ("hf_wrong", "someone/streets", r"someone/streets: the token is not valid; log in again with `hf auth login`"),
        ("hf_that_may_only_read", "someone/streets", r"the token does not permit that; log in as the owner"),
        ("", "someone/streets", r"^not logged in to the hub; run `hf auth login`, or put a token"),
        (None, "streets", r"'streets' is not the id of a repository; expected OWNER/NAME"),
        (None, "someone/a--b", r"someone/a--b: expected the id of a repository, OWNER/NAME, of letters"),
        (None, "someone/streets@v1", r"'someone/streets@v1' is not the id of a repository"),
    ],
)
def test_a_push_that_is_refused_is_one_line(hub, network, monkeypatch, token, repository, message) -> None:
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", "no such file")
    with pytest.raises(fb.InputError, match=message) as caught:
        network.push_to_hub(repository)
    assert len(str(caught.value).splitlines()) == 1
    assert hub.repositories == {}


@pytest.mark.parametrize("load", [fb.from_pretrained, fb.load, fb.load_adapter])
def test_a_load_that_fails_is_one_line(hub, load, monkeypatch) -> None:
    expected = {
        "hf_of_the_owner": r"there is no such repository, or it is private: check the name, or log in",
        "hf_wrong": r"the token is not valid; log in again",
        "": r"there is no such repository, or it is private",
    }
    for token, message in expected.items():
        monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(fb.InputError, match=rf"^[^\n]*someone/missing[^\n]*{message}[^\n]*$"):
            load("someone/missing")
    hub.down = True
    with pytest.raises(fb.InputError, match=r"^[^\n]*not in the cache, and the hub [^\n]*$"):
        load("someone/missing")


def test_a_connection_that_is_refused_is_one_line(hub, network) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(fb.InputError, match=r"^someone/streets: the hub cannot be reached \([^\n]*; check the connec"):
        network.push_to_hub("someone/streets")
    with pytest.raises(fb.InputError, match=r"^[^\n]*not in the cache, and the hub cannot be reached [^\n]*$"):
        fb.from_pretrained("someone/streets")


def test_what_is_not_a_model_is_not_published(hub, tmp_path) -> None:
    (tmp_path / "notes.safetensors").write_bytes(save({"a": torch.zeros(1)}))
    for path, message in (
        (tmp_path, r"is not a saved network"),
        (tmp_path / "missing", r"no such model: .*missing; expected the folder of a saved network"),
        (tmp_path / "notes.safetensors", r"notes\.safetensors is not an adapter"),
        ("someone/streets", r"no such model: someone/streets; expected"),
    ):
        with pytest.raises(fb.InputError, match=message):
            fb.push_to_hub(path, "someone/streets")
    assert hub.take_requests() == []


def test_pretrained_weights_carry_their_origin_through_a_push(timm_hub) -> None:
    built = fb.create_model("test_resnet", classes=2, encoder_weights="imagenet")
    assert built.origin == timm_origin("test_resnet")
    built.push_to_hub("someone/streets", private=True)
    assert timm_hub.private == {"someone/streets"}
    timm_hub.take_requests()
    assert fb.from_pretrained("someone/streets").origin == built.origin
    assert downloads(timm_hub) == ["config.json", "model.safetensors"]  # and none of timm's
    card = ModelCard(timm_hub.repositories["someone/streets"][-1]["README.md"].decode())
    assert (card.data.license, card.data.base_model) == ("apache-2.0", "timm/test_resnet.r160_in1k")
