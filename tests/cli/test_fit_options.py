"""A mistyped option of fit, validate and test is detected by the shipped list, or else by the parser."""

import pytest

from feedbackward.cli import fit_options
from feedbackward.cli.fit import main
from feedbackward.cli.fit_cli import FitCLI
from feedbackward.cli.fit_options import check_options
from feedbackward.errors import InputError

DEMO = ["--config", "streets_demo"]
MISTYPED = [
    (["--trainer.max_epoch", "3"], "--trainer.max_epoch; did you mean --trainer.max_epochs?"),
    (["--trainer.max_epoch=3"], "--trainer.max_epoch; did you mean --trainer.max_epochs?"),
    (["--datta.root", "x"], "--datta.root; did you mean --data.root?"),
    (["--data.batchsize", "3"], "--data.batchsize; did you mean --data.batch_size?"),
    (["--data.augmentation.crops", "3"], "--data.augmentation.crops; did you mean --data.augmentation.crop?"),
    (["--model.encoder_weight", "x"], "--model.encoder_weight; did you mean --model.encoder_weights?"),
    (
        ["--model.decoder.output_strid", "4"],
        "--model.decoder.output_strid; did you mean --model.decoder.output_stride?",
    ),
    (["--max_epochs", "3"], "--max_epochs; did you mean --trainer.max_epochs?"),
    (["--xyzzy"], "--xyzzy; see feedbackward fit --help"),
]
ACCEPTED = [
    ["--trainer.max_epochs", "7", "--data.size", "[8,12]"],
    ["--data.init_args.batch_size=2", "--data.augmentation.horizontal_flip", "0"],
    ["--data", "camvid", "--data.root", "."],
    ["--trainer.callbacks+=EMAWeightAveraging", "--trainer.callbacks.decay=0.9"],
    ["--model.optimizer", "SGD", "--model.optimizer.lr", "0.1", "--early_stopping.min_delta", "-0.1"],
    ["--model.decoder.output_stride", "4", "--model.decoder.retrace=transitions"],
    ["--model.crf", "DenseCRF", "--model.crf.appearance_weight", "60"],
]


@pytest.fixture(autouse=True)
def _listed_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list counts, whichever version of Lightning is installed."""
    monkeypatch.setattr(fit_options, "version", lambda _: fit_options.known_options()["lightning"])


@pytest.mark.parametrize(("args", "message"), MISTYPED)
def test_a_mistyped_option_is_found_in_the_list(args: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_options("fit", [*DEMO, *args])
    assert str(caught.value) == f"unknown option {message}"


@pytest.mark.parametrize(("args", "message"), MISTYPED)
def test_the_parser_reports_a_mistyped_option_alike(args: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        FitCLI("fit", [*DEMO, *args])
    assert str(caught.value) == f"unknown option {message}"


@pytest.mark.parametrize("args", ACCEPTED)
def test_what_the_parser_accepts_passes(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main("fit", [*DEMO, *args, "--print_config"])
    assert caught.value.code == 0
    assert "\ntrainer:\n" in capsys.readouterr().out


def test_the_file_of_the_scores_is_an_option_of_validate_and_test() -> None:
    check_options("validate", [*DEMO, "--json", "scores.json", "--model", "network.onnx"])
    check_options("test", [*DEMO, "--json", "scores.json"])
    with pytest.raises(InputError, match="unknown option --json"):
        check_options("fit", [*DEMO, "--json", "scores.json"])


@pytest.mark.parametrize(
    "args",
    [
        ["--config", "mine.yaml", "--data.tiles", "4"],
        ["--config=mine.yaml", "--data.tiles", "4"],
        [*DEMO, "--config", "mine.yaml", "--data.tiles", "4"],
        [*DEMO, "--data", "mine.TilesData", "--data.tiles", "4"],
        [*DEMO, "--data.class_path=mine.TilesData", "--data.tiles", "4"],
        [*DEMO, "--model.optimizer.momentums", "4"],
        [*DEMO, "--trainer.callbacks+=mine.Callback", "--trainer.callbacks.every", "4"],
    ],
)
def test_the_parser_decides_about_the_arguments_of_classes(args: list[str]) -> None:
    check_options("fit", args)


def test_a_mistyped_option_beside_a_custom_class_is_found() -> None:
    with pytest.raises(InputError, match="did you mean --run_dir"):
        check_options("fit", ["--config", "mine.yaml", "--run_dri", "x"])


def test_the_parser_decides_for_another_version_of_lightning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_options, "version", lambda _: "9.9")
    check_options("fit", [*DEMO, "--trainer.max_epoch", "3"])
