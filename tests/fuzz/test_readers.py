"""Every reader on valid files with a few changes: of bytes, of numbers, of texts, and of whole parts."""

import re
import runpy
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import event, given

READERS = runpy.run_path(str(Path(__file__).with_name("readers.py")))["READERS"]

TOKENS = [
    rb"-?\d+(?:\.\d+)?",
    rb'"[^"\n]*"',
    rb"[A-Za-z_]+",
    rb"\[[^\[\]]*\]",
    rb"\{[^{}]*\}",
    rb"[^\n]*\n",
    rb"<[^<>]*>",
]
"""Numbers, texts, words, lists, mappings, lines and elements of JSON, YAML, XML and plain text."""
INTERESTING = [
    *(
        b"",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'""',
        b'"a"',
        b"[1]",
        b'{"a": 1}',
        b"[[]]",
        b"{",
        b"]",
        b"\n",
        b"\t",
        b": ",
    ),
    *(b"0", b"-1", b"1", b"2", b"0.5", b"-0.0", b"256", b"65536", b"2147483648", b"99999999999999999999999999"),
    *(b"1e999", b"-1e999", b"NaN", b"Infinity", b"nan", b"inf", b"1_0", b"0x10", b"\xc2\xb2", b"\xd9\xa3"),
    *(b"../../x", b"/dev/null", b".", b"a.png", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\\ud800", b"&a;"),
    *(b"*one", b"<<: *one", b"!!python/name:os.system", b"2024-99-99", b"1" * 5000, b"[" * 3000, b"a" * 300),
]


@st.composite
def changed(draw: st.DrawFn, valid: bytes) -> bytes:
    """The content with one to four changes."""
    content = valid
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["token", "token", "token", "bytes", "cut"]))
        if kind == "token":
            found = [match.span() for match in re.finditer(draw(st.sampled_from(TOKENS)), content)]
            if not found:
                continue
            start, stop = draw(st.sampled_from(found))
            other = draw(st.sampled_from(found))
            new = draw(
                st.one_of(
                    st.sampled_from(INTERESTING),
                    st.just(content[slice(*other)]),
                    st.just(content[start:stop] * 2),
                    st.integers().map(lambda number: str(number).encode()),
                    st.text(max_size=3).map(lambda text: text.encode()),
                )
            )
        else:
            start = draw(st.integers(0, len(content)))
            stop = len(content) if kind == "cut" else min(start + draw(st.integers(0, 8)), len(content))
            new = b"" if kind == "cut" else draw(st.binary(max_size=8))
        content = content[:start] + new + content[stop:]
    return content


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_a_changed_file_is_read_or_refused_in_one_line(name: str, data: st.DataObject) -> None:
    reader = READERS[name]
    content = data.draw(changed(reader.files[reader.changed]))
    with tempfile.TemporaryDirectory() as folder:
        reader.create(Path(folder))
        event("read" if reader.try_bytes(Path(folder), content) else "refused")


@pytest.mark.parametrize("name", READERS)
def test_the_valid_file_is_read(name: str, tmp_path: Path) -> None:
    reader = READERS[name]
    reader.create(tmp_path)
    assert reader.try_bytes(tmp_path, reader.files[reader.changed])
