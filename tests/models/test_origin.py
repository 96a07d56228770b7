"""Where weights come from and their licenses, as timm and saved folders say it."""

from pathlib import Path

import pytest
import timm

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.models.continued import with_classes
from feedbackward.models.origin import RANDOM, UNKNOWN, Origin, card_metadata, origin_of, timm_origin


@pytest.mark.parametrize(
    ("name", "weights", "expected"),
    [
        ("resnet50", "imagenet", Origin("resnet50.a1_in1k", "apache-2.0")),
        ("resnet50.tv_in1k", "imagenet", Origin("resnet50.tv_in1k", "bsd-3-clause")),
        ("dla60_res2net", "imagenet", Origin("dla60_res2net.in1k", "unknown")),
        ("resnet50", "timm/resnet50.tv_in1k@main", Origin("resnet50.tv_in1k", "bsd-3-clause")),
        ("resnet50", "timm/resnet50.unheard_of", UNKNOWN),
        ("resnet50", "someone/resnet50", UNKNOWN),
        ("resnet50", "resnet50.a1_in1k.safetensors", UNKNOWN),
        ("resnet50", None, RANDOM),
        ("lcnet_035", "imagenet", UNKNOWN),
    ],
)
def test_what_is_known_of_weights(name: str, weights: str | None, expected: Origin) -> None:
    assert origin_of(name, weights) == expected
    assert Origin.from_dict(expected.to_dict()) == expected


@pytest.mark.parametrize(
    ("name", "restriction", "metadata"),
    [
        ("resnet50", "", {"license": "apache-2.0"}),
        ("convnextv2_atto", "cc-by-nc-4.0, forbids commercial use", {"license": "cc-by-nc-4.0"}),
        (
            "convnext_tiny.eupe_lvd1689m",
            "forbids commercial use",
            {"license": "other", "license_name": "fair-noncommercial-research-license"},
        ),
        ("fastvit_mci0", "apple-amlr, forbids commercial use", {"license": "apple-amlr"}),
        ("mobileone_s0", "has terms of its own", {"license": "other", "license_name": "mobileone-license"}),
        ("dla60_res2net", "timm does not know the license", {"license": "unknown"}),
    ],
)
def test_what_a_license_restricts(name: str, restriction: str, metadata: dict[str, str]) -> None:
    origin = timm_origin(name)
    assert restriction in origin.restriction
    assert bool(restriction) == bool(origin.restriction)
    base = {"base_model": timm.get_pretrained_cfg(origin.weights).hf_hub_id}
    assert card_metadata(origin, is_adapter=False) == {**metadata, **base, "base_model_relation": "finetune"}
    of_adapter = {"license": "other", "license_name": "not-stated", **base, "base_model_relation": "adapter"}
    assert card_metadata(origin, is_adapter=True) == of_adapter


def test_every_license_of_timm_is_a_name() -> None:
    licenses = {timm.get_pretrained_cfg(name).license for name in timm.list_models(pretrained=True)}
    for name in licenses - {None}:
        Origin.from_dict({"weights": "x", "license": name})


def test_cards_of_random_and_unknown_weights() -> None:
    assert card_metadata(UNKNOWN, is_adapter=False) == {"license": "unknown"}
    assert card_metadata(RANDOM, is_adapter=False) == {"license": "other", "license_name": "not-stated"}
    assert (UNKNOWN.restriction, RANDOM.restriction) == ("", "")


def test_the_origin_survives_saving_continuing_and_a_file_of_an_older_version(tmp_path: Path) -> None:
    network = fb.create_model("segnet", encoder_name="vgg11_narrow", classes=2, encoder_weights=None)
    assert network.origin == RANDOM
    network.origin = known = Origin("test_resnet.r160_in1k", "apache-2.0")
    network.save_pretrained(tmp_path)
    loaded = fb.from_pretrained(tmp_path)
    assert loaded.origin == known
    table = ClassTable(("a", "b", "c"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
    assert with_classes(loaded, table).origin == known
    assert origin_of("vgg11_narrow", tmp_path) == known
    config = tmp_path / "config.json"
    text = config.read_text()
    cut = text[: text.rindex(',\n  "origin"')] + "\n}\n"
    config.write_text(cut)
    assert fb.from_pretrained(tmp_path).origin == UNKNOWN
    assert origin_of("vgg11_narrow", tmp_path) == UNKNOWN
