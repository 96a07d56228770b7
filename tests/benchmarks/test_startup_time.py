"""The benchmark of whole commands, on commands that take no time; nothing here depends on how long they take."""

import json
import sys

import pytest


@pytest.fixture
def startup(script):
    return script("startup_time")


def python(startup, code, status=0):
    return startup.Command(f"python -c {code!r}", [sys.executable, "-c", code], status, [], [])


def test_a_run_is_timed_and_the_first_is_dropped(startup):
    command = python(startup, "sum(range(10**6))")
    startup.run(command, keep=False)
    assert (command.cpu, command.wall) == ([], [])
    startup.run(command, keep=True)
    assert command.cpu[0] > 0
    assert command.wall[0] > 0


def test_a_command_that_fails_is_an_error(startup):
    startup.run(python(startup, "raise SystemExit(2)", status=2), keep=True)
    with pytest.raises(RuntimeError, match=r"(?s)ended with status 1: .*NameError"):
        startup.run(python(startup, "nothing"), keep=True)


def test_bytecode_is_written_whatever_the_shell_says(startup, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    startup.run(python(startup, "import sys; assert not sys.dont_write_bytecode"), keep=True)


def test_the_results_as_a_file_and_as_a_table(startup, monkeypatch, tmp_path, capsys):
    commands = [python(startup, "pass"), python(startup, "import json")]
    monkeypatch.setattr(startup, "own_commands", lambda folder: commands)
    monkeypatch.setattr(sys, "argv", ["startup_time.py", "--repeats", "3", "--json", str(tmp_path / "startup.json")])
    startup.main()
    results = json.loads((tmp_path / "startup.json").read_text())["results"]
    assert [result["name"] for result in results] == ["python -c 'pass'", "python -c 'import json'"]
    assert all(len(command.cpu) == 3 for command in commands)
    assert "1.00" in capsys.readouterr().out


def test_the_commands_of_installed_peers_alone(startup, tmp_path):
    (tmp_path / "yolo").touch()
    assert [command.name for command in startup.peer_commands([tmp_path])] == ["yolo help"]
