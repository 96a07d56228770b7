"""A wrong argument is reported in one line: the option, the expected and the found value."""

from pathlib import Path
from typing import Literal

import pytest
from jsonargparse.typing import OpenUnitInterval, PositiveFloat, PositiveInt

from feedbackward.cli.parser import command_parser, height_width
from feedbackward.errors import InputError


def paint(
    name: str,
    *,
    color: Literal["red", "blue"],
    width: PositiveInt = 1,
    coats: PositiveInt | None = None,
    scale: PositiveFloat = 1.0,
    gloss: OpenUnitInterval = 0.5,
    folder: Path | None = None,
    dry: bool = True,
) -> None:
    """Paint something."""


@pytest.fixture
def parse():
    """Parses arguments for `paint`."""
    parser = command_parser("paint")
    parser.add_argument("name")
    parser.add_function_arguments(paint, skip={"name"})
    parser.add_argument("--kind", choices=("oil", "water"), default="oil")
    return parser.parse_args


def test_the_values_of_the_options(parse) -> None:
    found = parse(["wall", "--color", "red", "--coats=2", "--folder", "a/b", "--dry", "false"])
    assert vars(found) == {
        "name": "wall", "color": "red", "width": 1, "coats": 2, "scale": 1.0, "gloss": 0.5,
        "folder": Path("a/b"), "dry": False, "kind": "oil",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["wall", "--colour", "red"], "unknown option --colour; did you mean --color?"),
        (["wall", "--colour=red"], "unknown option --colour; did you mean --color?"),
        (["--colour", "red", "wall"], "unknown option --colour; did you mean --color?"),
        (["wall", "--color", "red", "--xyz"], "unknown option --xyz; see feedbackward paint --help"),
        (["wall", "--colo", "red"], "unknown option --colo; did you mean --color?"),
        (["wall", "door", "--color", "red"], "unexpected argument door; see feedbackward paint --help"),
        ([], "required: NAME, --color; see feedbackward paint --help"),
        (["wall"], "required: --color; see feedbackward paint --help"),
        (["wall", "--color"], "--color: expected one argument"),
        (["wall", "--color", "green"], "--color: expected one of 'red', 'blue', found 'green'"),
        (["wall", "--color", "red", "--width", "0"], "--width: expected more than 0, found '0'"),
        (["wall", "--color", "red", "--width", "1.5"], "--width: expected a whole number, found '1.5'"),
        (["wall", "--color", "red", "--coats", "0"], "--coats: expected more than 0, found '0'"),
        (["wall", "--color", "red", "--scale", "-1"], "--scale: expected more than 0, found '-1'"),
        (["wall", "--color", "red", "--scale", "big"], "--scale: expected a number, found 'big'"),
        (["wall", "--color", "red", "--gloss", "2"], "--gloss: expected more than 0 and less than 1, found '2'"),
        (["wall", "--color", "red", "--dry", "often"], "--dry: expected true or false, found 'often'"),
        (["wall", "--color", "red", "--kind", "wax"], "--kind: invalid choice: 'wax' (choose from "),
    ],
)
def test_a_wrong_argument_is_one_line(parse, args: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(args)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("24", "expected height and width, such as 512,1024"),
        ("24,x", "expected height and width, such as 512,1024"),
        ("24x48", "expected height and width, such as 512,1024"),
        ("1,2,3", "expected height and width, such as 512,1024"),
        ("", "expected height and width, such as 512,1024"),
        ("0,5", "expected a height and a width of at least 1"),
    ],
)
def test_a_malformed_size_is_refused(size: str, message: str) -> None:
    with pytest.raises(InputError, match=f"--size is {size!r}; {message}"):
        height_width(size)
