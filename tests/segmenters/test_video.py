import multiprocessing
import sys

import av
import numpy as np
import pytest

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.segmenters.outputs import OutputOptions
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.video import Frame, overlay_frame, read_video, write_video

COLORS = np.array([(200, 30, 60), (10, 220, 40), (30, 60, 230), (255, 255, 255), (0, 0, 0)], np.uint8)


def plain(color, shape=(40, 61)):
    return np.broadcast_to(np.array(color, np.uint8), (*shape, 3)).copy()


def corners():
    """White in the upper left quarter, red in the upper right one."""
    image = plain((0, 0, 0), (64, 96))
    image[:32, :48] = 255
    image[:32, 48:] = (255, 0, 0)
    return image


@pytest.fixture
def recorded(tmp_path):
    """A video of another codec, written with PyAV itself."""

    def record(images, name="drive.mp4"):
        with av.open(tmp_path / name, "w") as container:
            stream = container.add_stream("mpeg4", rate=10, options={"qscale": "1"})
            stream.height, stream.width = images[0].shape[:2]
            stream.bit_rate = 8_000_000
            for image in images:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())
        return tmp_path / name

    return record


@pytest.mark.parametrize("suffix", ["mp4", "webm", "MP4"])
@pytest.mark.parametrize("shape", [(40, 60), (41, 61), (2, 2)])
def test_a_video_is_read_as_it_was_written(tmp_path, suffix, shape):
    times = [0, 0.1, 0.2, 0.5, 1.25]
    path = tmp_path / f"a.{suffix}"
    write_video(path, (Frame(plain(color, shape), time) for color, time in zip(COLORS, times, strict=True)))
    frames = list(read_video(path))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-3)
    for frame, color in zip(frames, COLORS, strict=True):
        assert frame.image.shape == (*shape, 3)
        assert frame.image.dtype == np.uint8
        assert np.abs(frame.image.astype(int) - color).max() <= 10
    assert list(tmp_path.iterdir()) == [path]


def test_frames_are_read_one_by_one(recorded):
    frames = read_video(recorded([plain(color) for color in COLORS] * 3))
    first = next(frames)
    assert np.abs(first.image.astype(int) - COLORS[0]).max() <= 12
    assert [frame.time for frame in frames] == pytest.approx([index / 10 for index in range(1, 15)])


@pytest.mark.parametrize(
    ("quarters", "matrix"), [(0, (1, 0, 0, 1)), (1, (0, 1, -1, 0)), (2, (-1, 0, 0, -1)), (3, (0, -1, 1, 0))]
)
def test_frames_are_upright(recorded, quarters, matrix):
    """The matrix of the track header (ISO/IEC 14496-12, 8.3.2) turns frames clockwise by so many quarters."""

    def encoded(a, b, c, d):
        values = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
        return b"".join(value.to_bytes(4, "big", signed=True) for value in values)

    path = recorded([corners()])
    content = path.read_bytes()
    header = content.index(b"tkhd")
    path.write_bytes(content[:header] + content[header:].replace(encoded(1, 0, 0, 1), encoded(*matrix), 1))
    (frame,) = read_video(path)
    expected = np.rot90(corners(), -quarters)
    assert frame.image.shape == expected.shape
    assert np.abs(frame.image.astype(int) - expected).mean() < 10


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_process_does_not_wait_for_threads_that_convert_colors(tmp_path):
    """As the workers of a training, beside a frame that is left. This format is decoded without threads."""
    with av.open(tmp_path / "raw.avi", "w") as container:
        stream = container.add_stream("rawvideo", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame(320, 240, "yuv420p")))
    reading = read_video(tmp_path / "raw.avi")
    next(reading)
    process = multiprocessing.get_context("fork").Process(target=reading.close)
    process.start()
    process.join(20)
    process.kill()
    assert process.exitcode == 0


def test_files_that_are_not_videos(tmp_path, recorded):
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    with pytest.raises(InputError, match=r"notes\.mp4 cannot be read as a video: .*; copy or download it again"):
        list(read_video(text))
    with pytest.raises(InputError, match=r"no file .*gone\.mp4"):
        list(read_video(tmp_path / "gone.mp4"))
    sound = tmp_path / "sound.wav"
    with av.open(sound, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        silence.rate = 8000
        container.mux(stream.encode(silence))
    with pytest.raises(InputError, match=r"sound\.wav contains no video"):
        list(read_video(sound))
    path = recorded([plain(color) for color in COLORS])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="cannot be read as a video"):
        list(read_video(path))


def test_videos_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"a\.gif: a video is written as \.mp4 or \.webm"):
        write_video(tmp_path / "a.gif", [Frame(plain(0), 0)])
    with pytest.raises(InputError, match="without frames"):
        write_video(tmp_path / "a.mp4", [])

    def broken():
        yield Frame(plain(0), 0)
        raise InputError("the camera fell")

    with pytest.raises(InputError, match="the camera fell"):
        write_video(tmp_path / "a.mp4", broken())
    assert list(tmp_path.iterdir()) == []


def test_frames_of_other_sizes_are_scaled(tmp_path):
    write_video(tmp_path / "a.webm", [Frame(plain(200, (32, 48)), 0), Frame(plain(100, (64, 80)), 1)])
    shapes = [(frame.image.shape, round(frame.image.mean(), -1)) for frame in read_video(tmp_path / "a.webm")]
    assert shapes == [((32, 48, 3), 200), ((32, 48, 3), 100)]


def test_without_pyav(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    for use in (lambda: list(read_video(tmp_path / "a.mp4")), lambda: write_video(tmp_path / "a.mp4", [])):
        with pytest.raises(InputError, match=r"videos need PyAV: pip install 'feedbackward\[video\]'"):
            use()


def test_overlays_of_all_frames_have_one_size():
    table = ClassTable(("background", "crack", "stain"), ((0, 0, 0), (200, 0, 0), (0, 200, 0)))
    masks = [np.zeros((40, 61), np.uint8), np.full((40, 61), 1, np.uint8)]
    frames = [overlay_frame(Result(plain(100), mask, table), 0.5, OutputOptions()) for mask in masks]
    assert frames[0].image.shape == frames[1].image.shape
    assert frames[0].image.shape[0] > 40
    assert frames[0].image[0, 0].tolist() == [100, 100, 100]
    assert frames[1].image[0, 0].tolist() == [150, 50, 50]
    assert frames[1].time == 0.5
    bare = overlay_frame(Result(plain(100), masks[0], table), 0, OutputOptions(legend=False))
    assert bare.image.shape == (40, 61, 3)
