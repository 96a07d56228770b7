"""Whether a JPEG contains all its scans: decoders show a progressive one that lacks some as a blurred image.

The markers are those of ITU-T T.81, annex B.
"""

import re
import struct

# A marker between two scans; within a scan 0xff is followed by 0, or by the number of a restart.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended sequential, progressive
_SCAN, _END = 0xDA, 0xD9


def lacks_scans(data: bytes) -> bool:
    """Whether a coefficient of a component is never sent, or not with its last bit."""
    missing = set[tuple[int, int]]()  # components and coefficients
    position = 2
    while (marker := _MARKER.search(data, position)) and marker[1][0] != _END:
        start = marker.end()
        (size,) = struct.unpack_from(">H", data, start)
        segment, position = data[start + 2 : start + size], start + size
        if marker[1][0] in _FRAMES:
            missing = {(component, index) for component in segment[6::3] for index in range(64)}
        elif marker[1][0] == _SCAN:
            count = segment[0]
            first, last, bits = segment[1 + 2 * count : 4 + 2 * count]
            if bits & 0x0F == 0:
                missing -= {
                    (each, index) for each in segment[1 : 1 + 2 * count : 2] for index in range(first, last + 1)
                }
            if not missing:
                return False
    return bool(missing)
