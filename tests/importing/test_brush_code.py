import numpy as np
import pytest

from feedbackward.importing.brush_code import decode_brush

# Written by label-studio-converter 0.0.59 for 4 x 5 pixels of the alphas below.
ALPHAS = [[0, 0, 0, 0, 0], [0, 255, 255, 255, 0], [0, 0, 200, 0, 0], [100, 0, 0, 0, 0]]
CODE = [0, 0, 0, 80, 57, 27, 254, 23, 0, 183, 255, 108, 2, 60, 137, 192, 35, 100, 190, 0]


def encode(values, lengths):
    """As https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack describes the code."""
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{length - 1:04b}" for length in lengths)
    start = 0
    while start < len(values):
        end = start + 1
        while end < len(values) and values[end] == values[start] and end - start < 1 << lengths[-1]:
            end += 1
        if end - start > 1:
            which = next(i for i, length in enumerate(lengths) if end - start <= 1 << length)
            bits += f"1{which:02b}{end - start - 1:0{lengths[which]}b}{values[start]:08b}"
        else:  # one run of the values up to the next two equal ones
            while end < len(values) and end - start < 1 << lengths[0] and values[end] != values[end - 1]:
                end += 1
            bits += f"000{end - start - 1:0{lengths[0]}b}" + "".join(f"{value:08b}" for value in values[start:end])
        start = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def test_code_of_the_converter():
    assert decode_brush(CODE, 4, 5).tolist() == (np.array(ALPHAS) >= 128).tolist()


@pytest.mark.parametrize("seed", range(10))
def test_random_pixels(seed):
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 30, 2).tolist()
    pixels = random.integers(0, 256, (height, width, 4)) * (random.random((height, width, 1)) < random.random())
    lengths = sorted(random.integers(1, 17, 4).tolist())
    code = encode(pixels.ravel().tolist(), lengths)
    np.testing.assert_array_equal(decode_brush(code, height, width), pixels[..., 3] >= 128)


def test_damage():
    with pytest.raises(ValueError, match="the brush is truncated"):
        decode_brush(CODE[:-4], 4, 5)
    with pytest.raises(ValueError, match="the brush has 80 values; expected 5 x 5 x 4"):
        decode_brush(CODE, 5, 5)
    code = encode([1] * 8, [3, 4, 8, 16])
    with pytest.raises(ValueError, match="more values than the 4 that it announces"):
        decode_brush([0, 0, 0, 4, *code[4:]], 1, 1)
