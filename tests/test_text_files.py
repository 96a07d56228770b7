"""The files that commands refuse are in tests/cli/test_bad_input.py."""

import pytest

from feedbackward.errors import InputError
from feedbackward.text_files import DEEPEST, MOST_VALUES, parse_json, parse_yaml, read_text


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa\xc3\xa4")
    assert read_text(tmp_path / "a.txt", expected="text") == "a\u00e4"


def test_a_link_to_nothing_is_named(tmp_path):
    (tmp_path / "a.txt").symlink_to("gone.txt")
    with pytest.raises(InputError, match=r"no file .*a\.txt: a link to gone\.txt, which does not exist; expected text"):
        read_text(tmp_path / "a.txt", expected="text")


def test_aliases_and_merged_keys_are_plain_data():
    text = "base: &base {a: 1, b: 2}\nlist: [*base, *base]\nover: {<<: *base, b: 3}\n"
    base = {"a": 1, "b": 2}
    assert parse_yaml(text, "x.yaml") == {"base": base, "list": [base, base], "over": {"a": 1, "b": 3}}


def test_the_deepest_yaml():
    parse_yaml("[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1), "x.yaml")
    with pytest.raises(InputError, match=f"x.yaml: it is nested too deeply; expected at most {DEEPEST} levels"):
        parse_yaml("[" * DEEPEST + "1" + "]" * DEEPEST, "x.yaml")


@pytest.mark.parametrize("merged", [False, True])
def test_aliases_that_multiply(merged):
    lines = ["a0: &a0 {k: 1}"]
    for index in range(1, 12):
        values = ", ".join([f"*a{index - 1}"] * 4)
        lines.append(f"a{index}: &a{index} " + (f"{{<<: [{values}]}}" if merged else f"[{values}]"))
    with pytest.raises(InputError, match=f"it has more than {MOST_VALUES} values, with those that its aliases"):
        parse_yaml("\n".join(lines), "x.yaml")


def test_a_key_of_json_may_be_given_twice_only_where_that_is_allowed():
    assert parse_json('{"a": 1, "a": 2}', "x.json") == {"a": 2}
    with pytest.raises(InputError, match=r"x\.json: the key 'a' is given twice; keep one of them"):
        parse_json('{"a": 1, "a": 2}', "x.json", unique=True)
