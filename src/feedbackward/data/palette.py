"""Colors for classes that have none: the palette of Pascal VOC (VOCdevkit, VOClabelcolormap)."""


def default_palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """The first colors of the palette, all distinct.

    Example:
        >>> default_palette(3)
        ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """
    return tuple(_color(index) for index in range(count))


def _color(index: int) -> tuple[int, int, int]:
    """Bits 0, 3, ... of the index go to red, 1, 4, ... to green, 2, 5, ... to blue, each from the highest bit down."""
    channels = [0, 0, 0]
    for bit in range(index.bit_length()):
        channels[bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
    return (channels[0], channels[1], channels[2])
