"""The shipped list of encoders, and the one that is measured here."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import timm

import feedbackward as fb
from feedbackward.models import catalog as module
from feedbackward.models.catalog import SHIPPED, Catalog, cache_file, catalog, keep
from feedbackward.models.survey import measure_encoders, survey


@pytest.fixture(autouse=True)
def _nothing_measured_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_the_shipped_list_has_every_architecture_of_the_pinned_timm() -> None:
    shipped = Catalog.from_json(SHIPPED.read_text(encoding="utf-8"))
    assert shipped.timm == timm.__version__, "make it anew: feedbackward encoders --measure --json FILE"
    own = [name for name in timm.list_models() if timm.model_entrypoint(name).__module__.startswith("timm.")]
    assert [record.name for record in shipped.encoders] == sorted(own)


@pytest.mark.parametrize(
    "name",
    ["test_resnet", "test_convnext", "repghostnet_050", "mixer_s32_224", "mobilevit_xxs", "shvit_s1", "test_vit"],
)
def test_the_shipped_list_is_up_to_date_with_the_rules(name: str) -> None:
    (shipped,) = (record for record in catalog().encoders if record.name == name)
    assert shipped == survey(name)


def test_nearly_every_convolutional_architecture_is_supported() -> None:
    convolutional = [record for record in catalog().encoders if record.kind == "convolutional"]
    assert len(convolutional) > 600
    assert sum(record.supported for record in convolutional) >= 0.95 * len(convolutional)


@pytest.mark.parametrize("family", ["vgg", "resnet", "xception", "xception_aligned"])
def test_the_paper_s_examples_in_all_their_variants(family: str) -> None:
    records = [record for record in catalog().encoders if record.family == family]
    assert records
    assert all(record.supported for record in records)


def test_encoders_are_listed_by_pattern() -> None:
    assert fb.list_encoders("resnet1?") == ["resnet18"]
    assert "vit_base_patch16_224" not in fb.list_encoders()
    assert {"vgg16", "resnet50", "legacy_xception"} < {*fb.list_encoders()}


def test_a_list_round_trips_through_json() -> None:
    some = Catalog("1.2.3", catalog().encoders[:50])
    assert Catalog.from_json(some.to_json()) == some


def test_the_list_measured_here_takes_precedence_over_the_shipped_one() -> None:
    done: list[str] = []
    measured = measure_encoders(["test_vit", "test_resnet"], processes=1, on_encoder=done.append)
    assert done == ["test_vit", "test_resnet"]
    assert [record.name for record in measured.encoders] == ["test_resnet", "test_vit"]
    assert keep(measured) == cache_file()
    assert catalog() == measured
    assert fb.list_encoders() == ["test_resnet"]


def test_a_damaged_list_is_named() -> None:
    cache_file().parent.mkdir(parents=True)
    cache_file().write_text("{")
    with pytest.raises(
        fb.InputError, match=r"encoders-.*json is not a list of encoders .*; remove it, or make it again"
    ):
        catalog()


def test_a_list_of_another_version_warns_and_omits_missing_architectures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = catalog().encoders[0]
    other = Catalog("0.0.1", (known, replace(known, name="gone")))
    (tmp_path / "other.json").write_text(other.to_json())
    monkeypatch.setattr(module, "SHIPPED", tmp_path / "other.json")
    with caplog.at_level(logging.WARNING):
        assert catalog().encoders == (known,)
    assert (
        f"was made with timm 0.0.1, but {timm.__version__} is installed; `feedbackward encoders --measure`"
        in caplog.text
    )
