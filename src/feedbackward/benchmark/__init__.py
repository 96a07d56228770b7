"""What `feedbackward benchmark` measures: latency, memory, file size and training steps, interleaved in one process."""
