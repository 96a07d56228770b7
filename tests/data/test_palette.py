from feedbackward.data.palette import default_palette


def test_palette_is_that_of_pascal_voc():
    palette = default_palette(256)
    assert palette[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette[15] == (192, 128, 128)  # person
    assert palette[20] == (0, 64, 128)  # tv/monitor
    assert palette[255] == (224, 224, 192)
    assert len(set(palette)) == 256
    assert len(set(default_palette(2000))) == 2000
