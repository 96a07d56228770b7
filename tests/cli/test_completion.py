"""The script of `feedbackward completion`, asked by a shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from feedbackward.cli.main import COMMANDS, main


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("completion") / "feedbackward.bash"
    with pytest.MonkeyPatch.context() as patch, file.open("w") as stream:
        patch.setattr("sys.stdout", stream)
        main(["completion", "bash"])
    return file


@pytest.fixture(params=["bash"])
def shell(request: pytest.FixtureRequest) -> str:
    path = shutil.which(request.param)
    if path is None:
        pytest.skip(f"no {request.param} here")
    return path


def completed(shell: str, script: Path, *words: str) -> list[str]:
    """What the shell offers for the last word."""
    ask = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_feedbackward "$1" "${@: -1}" "${@: -2:1}"'
    ask += '; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        [shell, "-c", ask, script, "feedbackward", *words], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_every_command_is_offered(shell: str, script: Path) -> None:
    assert sorted(completed(shell, script, "")) == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "--freeze"], ["--freeze-encoder"]),
        (
            ["fit", "--model.decoder.r"],
            ["--model.decoder.rank", "--model.decoder.rank_channels", "--model.decoder.retrace"],
        ),
        (["fit", "--config", "camvid_vgg16_pw"], ["camvid_vgg16_pwn", "camvid_vgg16_pwp"]),
        (["validate", "--sca"], ["--scales"]),
        (["fit", "--sca"], []),
        (["export", "--format", "on"], ["onnx"]),
    ],
)
def test_options_and_values(shell: str, script: Path, words: list[str], expected: list[str]) -> None:
    assert completed(shell, script, *words) == expected


def test_another_shell_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["completion", "fish"])
    assert caught.value.code == 2
    assert "fish" in (error := capsys.readouterr().err)
    assert "bash" in error
    assert error.count("\n") == 1


def test_scripts_of_the_other_shells(capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "zsh"])
    assert capsys.readouterr().out.startswith("#compdef feedbackward")
    main(["completion", "tcsh"])
    assert "complete feedbackward" in capsys.readouterr().out
