"""The measurements of `feedbackward benchmark`: latency, memory, file size and training steps."""
