import os

import pytest

from feedbackward.errors import InputError
from feedbackward.segmenters.journal import JOURNAL, Journal


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"image")
    return path


def opened(out, model="m", overwrite=False, **options):
    return Journal(out, model=model, options={"scale": None, **options}, overwrite=overwrite)


def predicted(out, image, *, name="a.png", **areas):
    """Writes the journal and the output of an image."""
    journal, mask = opened(out), out / "masks/a.png"
    journal.start()
    journal.add(name, image, areas, [mask])
    mask.parent.mkdir(exist_ok=True)
    mask.write_bytes(b"mask")
    return mask


def test_nothing_is_written_before_the_start(out, image):
    assert not opened(out).is_done("a.png", image, [out / "masks/a.png"])
    assert not out.exists()


def test_an_image_is_done_if_all_its_outputs_exist(out, image):
    mask = predicted(out, image)
    assert opened(out).is_done("a.png", image, [mask])
    assert not opened(out).is_done("a.png", image, [mask, out / "overlays/a.jpg"])
    mask.unlink()
    assert not opened(out).is_done("a.png", image, [mask])


def test_an_image_that_has_changed_is_not_done(out, image):
    mask = predicted(out, image)
    os.utime(image, ns=(0, 0))
    assert not opened(out).is_done("a.png", image, [mask])


def test_an_earlier_output_is_removed_before_the_image_counts_as_predicted_again(out, image):
    mask = predicted(out, image)
    image.write_bytes(b"another image")
    journal = opened(out)
    journal.start()
    journal.add("a.png", image, {}, [mask])
    assert not mask.exists()
    assert not opened(out).is_done("a.png", image, [mask])


def test_an_image_that_is_gone_is_not_done(out, image):
    mask = predicted(out, image)
    image.unlink()
    assert not opened(out).is_done("a.png", image, [mask])


def test_another_model_or_other_options_are_refused(out, image):
    mask = predicted(out, image)
    with pytest.raises(InputError, match="out contains predictions of another model; choose another --output, or add"):
        opened(out, model="n")
    with pytest.raises(InputError, match=r"out contains predictions with scale None, now 0\.5: choose another"):
        opened(out, scale=0.5)
    assert not opened(out, model="n", overwrite=True).is_done("a.png", image, [mask])


def test_outputs_of_other_images_and_of_unknown_origin_are_refused(out, image, tmp_path):
    mask = predicted(out, image)
    other = tmp_path / "b/a.png"
    other.parent.mkdir()
    other.write_bytes(b"image")
    with pytest.raises(InputError, match=rf"masks/a\.png exists already and is the prediction of {image}; choose"):
        opened(out).is_done("a.png", other, [mask])
    (out / "masks/b.png").touch()
    with pytest.raises(InputError, match=r"masks/b\.png exists already and does not come from this command"):
        opened(out).is_done("b.png", other, [out / "masks/b.png"])
    assert not opened(out, overwrite=True).is_done("a.png", other, [mask])


def test_overwriting_starts_a_new_journal(out, image):
    mask = predicted(out, image)
    opened(out, model="n", overwrite=True).start()
    with pytest.raises(InputError, match="another model"):
        opened(out)
    with pytest.raises(InputError, match="does not come from this command"):
        opened(out, model="n").is_done("a.png", image, [mask])


def test_areas_are_summed_over_images_and_runs(out, image):
    predicted(out, image, road=3, sky=1)
    journal = opened(out)
    journal.start()
    journal.add("b.png", image, {"sky": 2}, [])
    assert opened(out).areas(["a.png", "b.png", "c.png"]) == {"road": 3, "sky": 3}
    assert journal.areas(["b.png"]) == {"sky": 2}


def test_a_line_that_is_cut_off_is_an_image_that_is_not_done(out, image):
    mask = predicted(out, image)
    whole = (out / JOURNAL).read_text()
    for length in (len(whole) - 1, len(whole.splitlines()[0]) + 5):
        (out / JOURNAL).write_text(whole[:length])
        mask.unlink(missing_ok=True)
        assert not opened(out).is_done("a.png", image, [mask])
        journal = opened(out)
        journal.start()
        journal.add("a.png", image, {}, [mask])
        mask.touch()
        assert opened(out).is_done("a.png", image, [mask])
        assert not opened(out).is_done("b.png", image, [out / "masks/b.png"])


@pytest.mark.parametrize("text", ["", "not JSON\n", "[]\n", "{}\n"])
def test_another_file_of_that_name_is_refused(out, text):
    out.mkdir()
    (out / JOURNAL).write_text(text)
    with pytest.raises(InputError, match=r"run\.jsonl is not a journal of predictions.*remove it"):
        opened(out)


def test_files_about_all_images(out, image):
    out.mkdir()
    archive = out / "submission.zip"
    opened(out).check_free([archive])
    archive.touch()
    with pytest.raises(InputError, match=r"submission\.zip exists already and does not come from this command"):
        opened(out).check_free([archive])
    opened(out, overwrite=True).check_free([archive])
    opened(out).start()
    opened(out).check_free([archive])


def test_an_image_that_vanishes_while_it_is_predicted_does_not_spoil_the_journal(out, image):
    image.unlink()
    mask = predicted(out, image)
    mask.unlink()
    image.write_bytes(b"image")
    assert not opened(out).is_done("a.png", image, [mask])


@pytest.mark.parametrize("content", [b"\xff", b'{"options": {}}\n[1]', b"{}"])
def test_another_file_in_place_of_the_journal_is_refused(out, content):
    out.mkdir()
    (out / JOURNAL).write_bytes(content)
    with pytest.raises(InputError, match=r"is not a journal of predictions.*remove it"):
        opened(out)


def test_a_folder_in_place_of_the_journal_is_refused(out):
    (out / JOURNAL).mkdir(parents=True)
    with pytest.raises(InputError, match=r"cannot be read: .*; remove it"):
        opened(out)
