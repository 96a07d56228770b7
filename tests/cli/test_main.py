import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from feedbackward.cli import main as entry
from feedbackward.cli.main import COMMANDS, main
from feedbackward.errors import InputError


@pytest.fixture
def called(monkeypatch):
    """Replaces the import of commands: what was imported and called, in order."""
    calls = []

    def import_module(name):
        return SimpleNamespace(main=lambda *args: calls.append((name, *args)))

    monkeypatch.setattr(entry, "import_module", import_module)
    return calls


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_file(command):
    name = "fit" if command in ("fit", "validate", "test") else command
    assert find_spec(f"feedbackward.cli.{name}") is not None


def test_a_command_gets_its_arguments(called):
    main(["predict", "x", "y"])
    main(["validate", "--config", "camvid"])
    assert called == [
        ("feedbackward.cli.predict", ["x", "y"]),
        ("feedbackward.cli.fit", "validate", ["--config", "camvid"]),
    ]


def test_the_process_arguments_are_the_default(called, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["feedbackward", "info", "vgg16_pwn"])
    main()
    assert called == [("feedbackward.cli.info", ["vgg16_pwn"])]


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(args, capsys):
    main(args)
    output = capsys.readouterr().out
    assert all(f"  {command} " in output for command in COMMANDS)


def test_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out.startswith("feedbackward 0.")


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("predit", "did you mean predict?"),
        ("xyz", "expected one of demo, train, inspect"),
        ("--model", "expected one of demo"),
    ],
)
def test_unknown_commands(command, hint, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command])
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: unknown command '{command}'; {hint}")


def test_an_input_error_is_one_line_and_any_other_error_is_not_hidden(monkeypatch, capsys):
    def fails(error):
        def command(args):
            raise error

        return lambda name: SimpleNamespace(main=command)

    monkeypatch.setattr(entry, "import_module", fails(InputError("masks [1, 2] are missing")))
    with pytest.raises(SystemExit) as caught:
        main(["predict"])
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", "error: masks [1, 2] are missing\n")

    monkeypatch.setattr(entry, "import_module", fails(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        main(["predict"])

    monkeypatch.setattr(entry, "import_module", fails(KeyboardInterrupt()))
    with pytest.raises(SystemExit) as caught:
        main(["predict"])
    assert caught.value.code == 130
