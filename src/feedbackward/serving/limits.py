"""What a server takes at most, so that no upload, and no number of them, uses up the machine."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a server.

    Args:
        upload_bytes: Of an uploaded file.
        megapixels: Of a decoded image, or of a frame of a video, in millions of pixels.
        decode_seconds: For decoding an image, or a frame of a video.
        receive_seconds: For receiving an upload.
        video_seconds: Of a video.
        video_frames: Of a video.
        requests: Segmentations at a time, waiting ones included.
        images: Decoded images at a time; further ones wait on their way in.
        results: Results of a session.
        result_seconds: For which a result is kept.
        stored_bytes: Of all uploads and results together.
        stored_results: Results of all sessions: files of a few bytes take far more room than they have bytes.
    """

    upload_bytes: int = 64 << 20
    megapixels: float = 100.0
    decode_seconds: float = 30.0
    receive_seconds: float = 120.0
    video_seconds: float = 120.0
    video_frames: int = 3600
    requests: int = 256
    images: int = 8
    results: int = 16
    result_seconds: float = 1800.0
    stored_bytes: int = 8 << 30
    stored_results: int = 4096
