import numpy as np
import pytest
import tifffile

from feedbackward.data import FolderData
from feedbackward.data.files import read_image
from feedbackward.errors import InputError
from feedbackward.importing import FoundData, convert, recognize, split_samples

PAGES = 5


@pytest.fixture
def volume():
    return np.random.default_rng(0).integers(0, 256, (PAGES, 6, 8), dtype=np.uint8)


@pytest.fixture
def labels(volume):
    return np.where(volume > 100, 255, 0).astype(np.uint8)


def write(path, pages, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pages, photometric=options.pop("photometric", "minisblack"), **options)


@pytest.mark.parametrize(
    ("image", "mask", "name", "split"),
    [
        ("images.tif", "masks.tif", "images", None),
        ("brain.TIFF", "brain_mask.tif", "brain", None),
        ("train-volume.tif", "train-labels.tif", "train-volume", "train"),
        ("val/left/images.tif", "val/left/masks.tif", "val__left__images", "val"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"imagej": True}, {"compression": "lzw"}, {"bigtiff": True}])
def test_pages_become_samples(image, mask, name, split, options, tmp_path, volume, labels):
    write(tmp_path / "data" / image, volume, **options)
    write(tmp_path / "data" / mask, labels)
    found = recognize(tmp_path / "data")
    assert [sample.name for sample in found.samples] == [f"{name}_{number:03}" for number in range(PAGES)]
    assert {sample.split for sample in found.samples} == {split}
    for sample, pixels, values in zip(found.samples, volume, labels, strict=True):
        assert sample.image().tolist() == pixels[..., None].tolist()
        assert sample.mask.draw(6, 8).tolist() == values.tolist()


def test_the_written_data_set(tmp_path, volume, labels):
    write(tmp_path / "images.tif", volume)
    write(tmp_path / "masks.tif", labels)
    found = recognize(tmp_path)
    (note,) = found.notes
    assert "pages of one stack resemble each other" in note
    table = convert(FoundData(found.layout, split_samples(found.samples)), tmp_path / "out", names=["cell", "membrane"])
    assert table.names == ("cell", "membrane")
    item = FolderData(root=tmp_path / "out").dataset("val")[0]
    number = int(item["name"][-3:])
    assert item["mask"].tolist() == (labels[number] // 255).tolist()
    stored = read_image(tmp_path / "out" / "images" / "val" / f"{item['name']}.tif", "gray")
    assert stored[..., 0].tolist() == volume[number].tolist()


def test_the_group_of_the_note_keeps_stacks_together(tmp_path, volume, labels):
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.tif", volume)
        write(tmp_path / f"{name}_mask.tif", labels)
    found = recognize(tmp_path)
    group = found.notes[0].split("'")[1]
    divided = split_samples(found.samples, val=0.4, group=group)
    by_stack = {name: {sample.split for sample in divided if sample.name[0] == name} for name in "abc"}
    assert all(len(splits) == 1 for splits in by_stack.values())
    assert {split for splits in by_stack.values() for split in splits} == {"train", "val"}


@pytest.mark.parametrize(
    ("dtype", "channels", "options"),
    [
        (np.uint16, 1, {}),
        (np.float32, 1, {}),
        (np.uint8, 3, {"photometric": "rgb"}),
        (np.uint8, 3, {"photometric": "rgb", "planarconfig": "separate"}),
        (np.uint16, 5, {"planarconfig": "contig"}),
    ],
)
def test_kinds_of_images(dtype, channels, options, tmp_path, labels):
    pixels = np.random.default_rng(0).integers(0, 200, (PAGES, 6, 8, channels)).astype(dtype)
    stored = pixels[..., 0] if channels == 1 else pixels
    if options.get("planarconfig") == "separate":
        stored = np.moveaxis(stored, -1, 1)
    write(tmp_path / "images.tif", stored, **options)
    write(tmp_path / "masks.tif", labels)
    found = recognize(tmp_path)
    convert(FoundData(found.layout, split_samples(found.samples)), tmp_path / "out")
    for sample, expected in zip(found.samples, pixels, strict=True):
        assert sample.image().dtype == dtype
        assert sample.image().tolist() == expected.tolist()
        (path,) = (tmp_path / "out" / "images").glob(f"*/{sample.name}.tif")
        written = read_image(path, channels if channels > 3 else "gray" if channels == 1 else "RGB")
        assert written.dtype == dtype
        assert written.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("dtype", "options"),
    [(bool, {}), (np.uint16, {}), (np.uint8, {"photometric": "miniswhite"}), (np.uint8, {"photometric": "palette"})],
)
def test_kinds_of_masks(dtype, options, tmp_path, volume):
    values = (volume > 100).astype(dtype)
    if options.get("photometric") == "palette":
        options = {**options, "colormap": np.full((3, 256), 7 << 8, np.uint16)}
    write(tmp_path / "images.tif", volume)
    write(tmp_path / "masks.tif", values, **options)
    for sample, expected in zip(recognize(tmp_path).samples, values, strict=True):
        mask = sample.mask.draw(6, 8)
        assert mask.dtype == (np.uint16 if dtype is np.uint16 else np.uint8)
        assert mask.tolist() == expected.astype(int).tolist()


def test_single_pages_are_not_stacks(tmp_path, volume, labels):
    write(tmp_path / "a.tif", volume[0])
    write(tmp_path / "a_mask.tif", labels[0])
    assert recognize(tmp_path).layout.startswith("images and masks side by side")
    write(tmp_path / "a.tif", volume)  # an image of five channels, one a page
    assert recognize(tmp_path).layout.startswith("images and masks side by side")


def test_overviews_are_not_pages(tmp_path, volume, labels):
    for name, page in (("a.tif", volume[0]), ("a_mask.tif", labels[0])):
        with tifffile.TiffWriter(tmp_path / name) as file:
            file.write(page, photometric="minisblack", subifds=0)
            file.write(page[::2, ::2], photometric="minisblack", subfiletype=1)
    assert recognize(tmp_path).layout.startswith("images and masks side by side")


def test_other_files_are_noted(tmp_path, volume, labels):
    write(tmp_path / "train-volume.tif", volume)
    write(tmp_path / "train-labels.tif", labels)
    write(tmp_path / "test-volume.tif", volume)
    _, note = recognize(tmp_path).notes
    assert note == f"left out 1 files that are not stacks with masks: {tmp_path / 'test-volume.tif'}"


@pytest.mark.parametrize(
    ("images", "masks", "message"),
    [
        (np.zeros((5, 6, 8), np.uint8), np.zeros((4, 6, 8), np.uint8), r"images\.tif has 5 pages, .*masks\.tif 4; exp"),
        (
            np.zeros((5, 6, 8), np.uint8),
            np.zeros((5, 8, 6), np.uint8),
            r"page 0 of .*images\.tif is 6x8, its mask in .*masks\.tif 8x6 \(height x width\)",
        ),
        (
            np.zeros((5, 6, 8), bool),
            np.zeros((5, 6, 8), np.uint8),
            r"images\.tif has 1 bits of type \w+; expected gray",
        ),
        (
            np.zeros((5, 6, 8), np.uint8),
            np.zeros((5, 6, 8), np.float32),
            r"page 0 of .*masks\.tif has 1 channels of float32; expected one of uint8 or uint16",
        ),
    ],
)
def test_stacks_that_do_not_fit(images, masks, message, tmp_path):
    write(tmp_path / "images.tif", images)
    write(tmp_path / "masks.tif", masks)
    with pytest.raises(InputError, match=message):
        recognize(tmp_path)


def test_masks_of_colors_or_with_loss_are_refused(tmp_path, volume, labels):
    write(tmp_path / "images.tif", volume)
    write(tmp_path / "masks.tif", np.zeros((5, 6, 8, 3), np.uint8), photometric="rgb")
    with pytest.raises(InputError, match=r"masks\.tif has 3 channels of uint8"):
        recognize(tmp_path)
    write(tmp_path / "masks.tif", labels, compression="jpeg")
    with pytest.raises(InputError, match=r"masks\.tif is compressed with JPEG, which can change the values"):
        recognize(tmp_path)


def test_a_damaged_stack(tmp_path, volume, labels):
    write(tmp_path / "images.tif", volume)
    write(tmp_path / "masks.tif", labels)
    samples = recognize(tmp_path).samples
    with tifffile.TiffFile(tmp_path / "images.tif") as file:
        end = file.pages[PAGES - 1].dataoffsets[0] + 3
    data = (tmp_path / "images.tif").read_bytes()
    (tmp_path / "images.tif").write_bytes(data[:end])
    with pytest.raises(
        InputError, match=r"images\.tif (is truncated in page 4|cannot be read: .*); copy or download it"
    ):
        samples[-1].image()
    (tmp_path / "images.tif").write_bytes(b"II*\0")
    with pytest.raises(InputError, match=r"images\.tif cannot be read"):
        recognize(tmp_path)
