import struct
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from feedbackward.data.masks import read_instance_ids, read_mask, read_mask_colors
from feedbackward.errors import InputError

GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6


def png(values, *, bits=8, color_type=GRAY, chunks=()):
    """The bytes of a PNG, written by hand as its specification says: values (h, w) or (h, w, channels)."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    values = np.asarray(values)
    height, width = values.shape[:2]
    rows = []
    for row in values.reshape(height, -1):
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(b"\0" + bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8)))
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    parts = [chunk(b"IHDR", header), *(chunk(*part) for part in chunks), chunk(b"IDAT", zlib.compress(b"".join(rows)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


@pytest.fixture
def mask_file(tmp_path):
    def write(data, name="mask.png"):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@given(bits=st.sampled_from([1, 2, 4, 8, 16]), data=st.data())
def test_gray_masks_of_every_depth_have_their_stored_values(bits, data, tmp_path_factory):
    row = st.lists(st.integers(0, 2**bits - 1), min_size=5, max_size=5)
    values = data.draw(st.lists(row, min_size=1, max_size=3))
    path = tmp_path_factory.getbasetemp() / "depth.png"
    path.write_bytes(png(values, bits=bits))
    mask = read_mask(path)
    assert mask.dtype == (np.uint16 if bits == 16 else np.uint8)
    assert mask.tolist() == values


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palette_masks_have_their_indices(bits, mask_file):
    values = [[0, 1, 2**bits - 1], [1, 1, 0]]
    colors = [(9, 9, 9)] * 2**bits
    colors[0], colors[1], colors[-1] = (255, 255, 255), (10, 20, 30), (1, 2, 3)
    palette = (b"PLTE", bytes(np.array(colors, np.uint8)))
    transparent = mask_file(png(values, bits=bits, color_type=PALETTE, chunks=[palette, (b"tRNS", b"\0")]))
    assert read_mask(transparent).tolist() == values  # transparency of a color is for viewers
    path = mask_file(png(values, bits=bits, color_type=PALETTE, chunks=[palette]))
    assert read_mask(path).tolist() == values
    assert read_mask_colors(path).tolist() == [[list(colors[value]) for value in row] for row in values]


def test_masks_of_three_equal_channels_are_gray(mask_file):
    values = np.array([[0, 7], [255, 1]])
    path = mask_file(png(np.repeat(values[..., None], 3, axis=2), color_type=RGB))
    assert read_mask(path).tolist() == values.tolist()


def test_masks_of_three_equal_channels_of_16_bits_keep_them(mask_file):
    values = np.array([[0, 700], [65535, 1]])
    path = mask_file(png(np.repeat(values[..., None], 3, axis=2), bits=16, color_type=RGB))
    assert read_mask(path).tolist() == values.tolist()
    path = mask_file(png([[[700, 700, 701]]], bits=16, color_type=RGB))
    with pytest.raises(InputError, match=r"mask\.png has colors, such as \(700, 700, 701\) \(1 of 1 pixels\)"):
        read_mask(path)


def test_alpha_is_ignored_where_it_is_opaque(mask_file):
    values = np.array([[0, 7], [255, 1]])
    gray = mask_file(png(np.dstack([values, np.full_like(values, 255)]), color_type=GRAY_ALPHA))
    assert read_mask(gray).tolist() == values.tolist()
    colors = np.array([[[1, 2, 3, 255], [4, 5, 6, 255]]])
    colored = mask_file(png(colors, color_type=RGBA))
    assert read_mask_colors(colored).tolist() == colors[..., :3].tolist()


@pytest.mark.parametrize("read", [read_mask, read_mask_colors])
@pytest.mark.parametrize("color_type", [GRAY_ALPHA, RGBA])
def test_transparent_masks_are_refused(read, color_type, mask_file):
    values = np.full((2, 3, 2 if color_type == GRAY_ALPHA else 4), 255)
    values[0, 1:, -1] = 0, 254
    expected = r"mask\.png is transparent in 2 of 6 pixels; .* value or color of their own and save without alpha"
    with pytest.raises(InputError, match=expected):
        read(mask_file(png(values, color_type=color_type)))


def test_a_mask_is_turned_by_its_own_tag(mask_file):
    exif = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0112, 3, 1, 6) + bytes(4)
    values = np.array([[1, 2, 3], [4, 5, 6]])
    path = mask_file(png(values, chunks=[(b"eXIf", exif)]))
    assert read_mask(path).tolist() == [[4, 1], [5, 2], [6, 3]]  # turned by 90 degrees clockwise
    deep = mask_file(png(values * 1000, bits=16, chunks=[(b"eXIf", exif)]))
    assert read_mask(deep).tolist() == [[4000, 1000], [5000, 2000], [6000, 3000]]


def test_a_jpeg_is_refused_whatever_its_name(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "mask.png", "JPEG")
    with pytest.raises(
        InputError, match=r"mask\.png is compressed with JPEG, which can change the values .*again, as PNG"
    ):
        read_mask(tmp_path / "mask.png")


def test_masks_of_deep_colors_are_refused(mask_file):
    path = mask_file(png([[300]], bits=16))
    with pytest.raises(InputError, match=r"mask\.png has more than 8 bits per channel; expected 8-bit colors"):
        read_mask_colors(path)


def test_gray_masks_as_colors(mask_file):
    assert read_mask_colors(mask_file(png([[0, 7]]))).tolist() == [[[0] * 3, [7] * 3]]
    assert read_mask_colors(mask_file(png([[0, 1, 3]], bits=2))).tolist() == [[[0] * 3, [85] * 3, [255] * 3]]


def test_instance_ids_beyond_signed_16_bits(tmp_path, write):
    instances = np.array([[7, 33999], [26001, 65535]], np.uint16)
    path = write(tmp_path / "instances.png", instances)
    read = read_instance_ids(path)
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, instances)


@pytest.mark.parametrize("read", [read_mask, read_instance_ids], ids=lambda f: f.__name__)
def test_missing_files_and_other_formats(read, tmp_path):
    with pytest.raises(InputError, match=r"no file .*a\.png"):
        read(tmp_path / "a.png")
    (tmp_path / "a.png").write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"a\.png is not an image in JPEG, PNG, .* \(16 bytes\); replace or remove"):
        read(tmp_path / "a.png")


def test_truncated_mask_and_instances(tmp_path, write):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    mask = write(tmp_path / "mask.png", noise)
    instances = write(tmp_path / "instances.png", noise.astype(np.uint16) * 100)
    for path in (mask, instances):
        path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"mask\.png cannot be read"):
        read_mask(mask)
    with pytest.raises(InputError, match=r"instances\.png cannot be read"):
        read_instance_ids(instances)


def test_colors_where_indices_are_expected(tmp_path, write, picture):
    picture[0, :5] = 7
    picture[0, 5] = (7, 8, 7)
    path = write(tmp_path / "mask.png", picture[:1, :6])
    expected = r"mask\.png has colors, such as \(7, 8, 7\) \(1 of 6 pixels\); expected one channel .*masks: colors"
    with pytest.raises(InputError, match=expected):
        read_mask(path)


def test_instances_of_8_bits(tmp_path, write):
    path = write(tmp_path / "instances.png", np.full((4, 4), 30, np.uint8))
    with pytest.raises(InputError, match=r"instances\.png is not a 16-bit instance map \(8 bits\)"):
        read_instance_ids(path)


def tiff(values, *, bits, photometric=1, tags=()):
    """The bytes of a little-endian TIFF of one strip, written by hand: values (h, w), black is 0 unless told."""
    values = np.asarray(values)
    height, width = values.shape
    strip = b""
    for row in values.tolist():
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        data = bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
        strip += np.frombuffer(data, ">u2").astype("<u2").tobytes() if bits == 16 else data
    entries = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 277: 1, 278: height, 279: len(strip)}
    fields = sorted([*((tag, 3, 1, value) for tag, value in entries.items()), *tags, (273, 4, 1, 8)])
    ifd = struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in fields) + bytes(4)
    strip += bytes(len(strip) % 2)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + ifd


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("photometric", [0, 1], ids=["white is zero", "black is zero"])
def test_tiff_masks_have_their_stored_values(bits, photometric, mask_file):
    values = [[0, 1, 2**bits - 1], [1, 1, 0]]
    mask = read_mask(mask_file(tiff(values, bits=bits, photometric=photometric), "mask.tif"))
    assert mask.dtype == (np.uint16 if bits == 16 else np.uint8)
    assert mask.tolist() == values


def test_a_tiff_mask_is_turned_by_its_own_tag(mask_file):
    data = tiff([[1, 2, 3], [4, 5, 6]], bits=8, tags=[(274, 3, 1, 6)])
    assert read_mask(mask_file(data, "mask.tif")).tolist() == [[4, 1], [5, 2], [6, 3]]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.bmp", {}),
        ("a.gif", {"optimize": False}),
        ("a.webp", {"lossless": True}),
        ("a.tif", {"compression": "tiff_lzw"}),
    ],
)
def test_other_lossless_formats(name, options, tmp_path):
    values = np.array([[0, 7, 255], [1, 1, 200]], np.uint8)
    Image.fromarray(values).save(tmp_path / name, **options)
    assert read_mask(tmp_path / name).tolist() == values.tolist()


def test_a_gif_of_renumbered_shades_is_refused(tmp_path):
    Image.fromarray(np.array([[0, 7, 255, 1]], np.uint8)).save(tmp_path / "a.gif", optimize=True)
    with pytest.raises(InputError, match=r"a\.gif is a GIF of the shades of gray .* with the indices .*as PNG"):
        read_mask(tmp_path / "a.gif")


@pytest.mark.parametrize("name", ["a.bmp", "a.gif", "a.tif", "a.png"])
def test_palettes_of_other_formats(name, tmp_path):
    values = np.array([[0, 3, 1], [1, 2, 3]], np.uint8)
    colors = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (1, 2, 3)]
    image = Image.fromarray(values)
    image.putpalette(bytes(np.array(colors, np.uint8)))
    image.save(tmp_path / name)
    assert read_mask(tmp_path / name).tolist() == values.tolist()
    assert read_mask_colors(tmp_path / name).tolist() == [[list(colors[value]) for value in row] for row in values]


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.webp", {"quality": 100}), ("a.jp2", {}), ("a.tif", {"compression": "jpeg"}), ("a.jpg", {})],
)
def test_lossy_masks_are_refused(name, options, tmp_path):
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / name, **options)
    for read in (read_mask, read_mask_colors):
        with pytest.raises(
            InputError, match=rf"{name} is compressed with .*, which can change the values .*again, as PNG"
        ):
            read(tmp_path / name)


def test_wider_integers_are_read_if_16_bits_hold_them(tmp_path):
    values = np.array([[0, 65535]], np.int32)
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert read_mask(tmp_path / "a.tif").tolist() == values.tolist()
    Image.fromarray(values - 1).save(tmp_path / "a.tif")
    with pytest.raises(
        InputError, match=r"a\.tif contains the value -1 \(1 of 2 pixels\); expected whole numbers from 0 to 65535"
    ):
        read_mask(tmp_path / "a.tif")
    Image.fromarray(np.array([[0, 0.5]], np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(
        InputError, match=r"a\.tif contains the value 0\.5 \(1 of 2 pixels\); expected whole numbers from 0 to 65535"
    ):
        read_mask(tmp_path / "a.tif")


def bmp(values, *, bits, palette):
    """The bytes of a BMP of palette indices (h, w), written by hand."""
    rows = b""
    for row in values[::-1]:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 32)
        rows += bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
    colors = b"".join(bytes((blue, green, red, 0)) for red, green, blue in palette)
    start = 54 + len(colors)
    header = struct.pack("<IHHI", start + len(rows), 0, 0, start)
    width, height = len(values[0]), len(values)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(rows), 0, 0, len(palette), 0)
    return b"BM" + header + info + colors + rows


@pytest.mark.parametrize(
    ("bits", "palette"),
    [
        (1, [(0, 0, 0), (255, 255, 255)]),
        (1, [(255, 255, 255), (0, 0, 0)]),
        (4, [(17 * index,) * 3 for index in range(16)]),
        (8, [(index, 0, 0) for index in range(4)]),
        (8, [(index,) * 3 for index in range(4)]),
    ],
)
def test_bmp_masks_have_their_indices(bits, palette, mask_file):
    values = [[0, 1, 1, 0, 1], [1, 0, 1, 0, 0]]
    assert read_mask(mask_file(bmp(values, bits=bits, palette=palette), "mask.bmp")).tolist() == values


@pytest.mark.parametrize(
    ("bits", "palette"),
    [
        (8, [(0, 0, 0), (255, 255, 255)]),
        (4, [(0, 0, 0), (255, 255, 255)]),
        (4, [(index,) * 3 for index in range(16)]),
    ],
)
def test_bmp_masks_that_pillow_misreads_are_refused(bits, palette, mask_file):
    path = mask_file(bmp([[0, 1, 1, 0, 1], [1, 0, 1, 0, 0]], bits=bits, palette=palette), "mask.bmp")
    with pytest.raises(InputError, match=rf"mask\.bmp is a BMP of {bits} bits whose palette .*: save it as PNG"):
        read_mask(path)


def test_complex_numbers_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((2, 3), np.complex64))
    with pytest.raises(InputError, match="complex numbers; expected whole numbers"):
        read_mask(tmp_path / "a.tif")
