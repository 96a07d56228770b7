from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.memory import measure_memory


def test_memory_is_at_least_the_weights_and_the_logits():
    name, shape = "feedbackward/resnet18?output_stride=4", (1, 3, 256, 512)
    parameters = sum(parameter.nbytes for parameter in create_candidate(name).parameters())
    memory = measure_memory(name, "eager", shape, threads=1)
    assert parameters < memory.loaded_bytes < memory.peak_bytes < 2**30
    assert parameters + 4 * 19 * 256 * 512 < memory.peak_bytes
