import os
from pathlib import Path

import pytest

from feedbackward.errors import InputError
from feedbackward.segmenters.sources import find_sources


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def touch(tmp_path):
    """Creates empty files."""

    def create(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()

    return create


def found(*sources):
    """The files of the sources, relative to the current folder, by the names of their outputs."""
    return {item.stem: os.path.relpath(item.path) for item in find_sources(sources).items}


class TestFolder:
    def test_subfolders_are_kept(self, touch):
        touch("in/b.JPG", "in/city/a.png", "in/a.jpeg", "in/x/y/z.png")
        assert found("in") == {
            "a": "in/a.jpeg", "b": "in/b.JPG", "city/a": "in/city/a.png", "x/y/z": "in/x/y/z.png"
        }  # fmt: skip

    def test_other_files_are_counted(self, touch):
        touch("in/a.png", "in/notes.txt", "in/x/more.TXT", "in/Makefile", "in/.hidden.png", "in/.cache/b.png")
        sources = find_sources(["in"])
        assert [item.stem for item in sources.items] == ["a"]
        left_out = {reason: [path.name for path in paths] for reason, paths in sources.left_out.items()}
        assert left_out == {
            "hidden": [".hidden.png", "b.png"],
            "of another type": ["Makefile", "notes.txt", "more.TXT"],
        }

    def test_predictions_in_a_source_are_left_out(self, touch):
        touch("in/a.png", "in/out/masks/a.png", "in/out/other.png")
        for source in ("in", "in/**/*.png", "."):
            sources = find_sources([source], outputs=[Path("in/out/masks")])
            assert [str(item.path) for item in sources.items] == ["in/a.png", "in/out/other.png"]
            assert sources.left_out == {"that are predictions": [Path("in/out/masks/a.png")]}
        assert [item.stem for item in find_sources(["in/out/masks"], outputs=[Path("in/out/masks")]).items] == ["a"]

    def test_nothing_to_say_about_a_folder_of_images(self, touch):
        touch("in/a.png")
        assert find_sources(["in"]).left_out == {}

    def test_a_hidden_folder_that_is_named_is_searched(self, touch):
        touch(".in/a.png")
        assert found(".in") == {"a": ".in/a.png"}

    def test_links_are_followed_and_loops_are_not(self, touch, tmp_path):
        touch("other/a.png", "in/b.png")
        (tmp_path / "in/linked").symlink_to(tmp_path / "other")
        (tmp_path / "in/loop").symlink_to(tmp_path / "in")
        assert list(found("in")) == ["b", "linked/a"]

    def test_a_folder_with_two_paths_is_searched_once_and_said_so(self, touch, tmp_path):
        touch("in/y/a.png")
        (tmp_path / "in/x").symlink_to("y")
        assert list(found("in")) == ["x/a"]
        assert find_sources(["in"]).left_out == {"found before by another path": [Path("in/y")]}

    def test_a_broken_link_is_an_item(self, tmp_path):
        (tmp_path / "in").mkdir()
        (tmp_path / "in/a.png").symlink_to(tmp_path / "gone.png")
        assert list(found("in")) == ["a"]

    def test_a_folder_without_images(self, touch):
        touch("in/a.txt")
        with pytest.raises(InputError, match=r"no images in in; expected files that end in one of \.jpg"):
            find_sources(["in"])


class TestFile:
    def test_an_image_and_a_video(self, touch):
        touch("x/a.b.png", "y/c.MP4")
        image, video = find_sources(["x/a.b.png", "y/c.MP4"]).items
        assert (image.stem, image.is_video) == ("a.b", False)
        assert (video.stem, video.is_video) == ("c", True)

    def test_the_name_has_the_suffix(self, touch):
        touch("in/x/a.b.png")
        assert [str(item.name) for item in find_sources(["in"]).items] == ["x/a.b.png"]

    def test_a_name_with_brackets_is_a_file(self, touch):
        touch("a[1].png", "a1.png")
        assert found("a[1].png") == {"a[1]": "a[1].png"}

    def test_another_file(self, touch):
        touch("a.pdf")
        with pytest.raises(InputError, match=r"a\.pdf does not have the suffix of an image"):
            find_sources(["a.pdf"])

    def test_no_such_source(self):
        with pytest.raises(InputError, match="no such image or folder: nowhere"):
            find_sources(["nowhere"])


class TestGlob:
    def test_names_start_at_the_first_wildcard(self, touch):
        touch("in/x/img/a.png", "in/y/img/a.png", "in/y/other/a.png", "in/y/img/b.jpg")
        assert found("in/*/img/*.png") == {"x/img/a": "in/x/img/a.png", "y/img/a": "in/y/img/a.png"}

    def test_two_stars_search_subfolders(self, touch):
        touch("in/a.png", "in/x/y/b.png", "in/x/c.txt")
        assert found("in/**/*.png") == {"a": "in/a.png", "x/y/b": "in/x/y/b.png"}
        assert found("in/**") == found("in")
        assert find_sources(["in/**"]).left_out == {"of another type": [Path("in/x/c.txt")]}

    def test_folders_that_match_are_searched(self, touch):
        touch("set/2020/a.png", "set/2021/x/b.png", "set/c.png", "set/notes.txt")
        assert list(found("set/*")) == ["2020/a", "2021/x/b", "c"]

    def test_nothing_matches(self):
        with pytest.raises(InputError, match=r"no images in \*\.png"):
            find_sources(["*.png"])


class TestList:
    @pytest.mark.parametrize("source", ["lists/val.txt", "@lists/val.txt", "@lists/val"])
    def test_paths_are_relative_to_the_lists_folder(self, touch, tmp_path, source):
        touch("lists/x/a.png")
        text = "\ufeff# the validation images\n\nx/a.png\r\n  gone.png  \n"
        (tmp_path / source.removeprefix("@")).write_text(text, encoding="utf-8")
        assert found(source) == {"x/a": "lists/x/a.png", "gone": "lists/gone.png"}

    def test_images_elsewhere_are_named_from_their_common_folder(self, touch, tmp_path):
        touch("lists/x")
        (tmp_path / "val.txt").write_text(f"{tmp_path}/set/x/a.png\n{tmp_path}/set/y/a.png\n")
        (tmp_path / "lists/val.txt").write_text("../set/x/a.png\n../set/y/a.png\n")
        expected = {"x/a": "set/x/a.png", "y/a": "set/y/a.png"}
        assert found("lists/val.txt") == expected
        assert found("val.txt") == {f"set/{name}": path for name, path in expected.items()}

    def test_an_empty_list(self, tmp_path):
        (tmp_path / "val.txt").write_text("# none\n")
        with pytest.raises(InputError, match=r"no images in val\.txt"):
            find_sources(["val.txt"])

    def test_a_list_that_cannot_be_read(self, tmp_path):
        (tmp_path / "val.txt").write_bytes(b"\xff\xfe\x00")
        for source, problem in (("val.txt", r"val\.txt is not UTF-8 text"), ("@gone.txt", r"no file gone\.txt")):
            with pytest.raises(InputError, match=rf"{problem}.*expected a list with a path in each line"):
                find_sources([source])


class TestSeveral:
    def test_in_their_order_and_each_file_once(self, touch, tmp_path):
        touch("in/b.png", "in/a.png", "c.png")
        assert list(found("c.png", "in", "in/*.png", tmp_path / "in" / "a.png")) == ["c", "a", "b"]

    def test_the_suffix_stays_where_only_it_differs(self, touch):
        touch("in/x/a.png", "in/x/a.jpg", "in/x/b.jpg")
        assert list(found("in")) == ["x/a.jpg", "x/a.png", "x/b"]

    @pytest.mark.parametrize("sources", [("x", "y"), ("x/a.png", "y/a.jpg")])
    def test_two_sources_with_files_of_the_same_name(self, touch, sources):
        touch("x/a.png", "y/a.jpg")
        with pytest.raises(InputError, match=r"outputs of x/a\.png and y/a\.jpg would have the same name, a; name a"):
            find_sources(sources)
        assert list(found("[xy]")) == list(found(".")) == ["x/a", "y/a"]

    def test_a_suffix_that_makes_two_names_equal(self, touch):
        touch("a.jpg", "a.png", "a.jpg.png")
        with pytest.raises(InputError, match=r"would have the same name, a\.jpg"):
            find_sources(["."])


def test_a_glob_finds_a_file_by_its_shortest_path(touch, tmp_path):
    touch("in/z.png", "in/sub/a.png")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    assert found("in/**/*.png") == {"z": "in/z.png", "sub/a": "in/sub/a.png"}
    assert list(find_sources(["in/**/*.png"]).left_out) == ["found before by another path"]


def test_predictions_of_other_runs_are_left_out(touch):
    touch("in/a.png", "in/before/masks/a.png", "in/before/run.jsonl", "in/other/masks/b.png")
    sources = find_sources(["in"], outputs=[Path("out/masks")])
    assert [item.stem for item in sources.items] == ["a", "other/masks/b"]
    assert sources.left_out["that are predictions"] == [Path("in/before/masks/a.png")]
    assert [item.stem for item in find_sources(["in/before/masks"], outputs=[Path("out/masks")]).items] == ["a"]
