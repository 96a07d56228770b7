"""Tiny networks: the tests check what is measured, not the times themselves."""

import pytest
import torch
from torch.testing import assert_close
from torch.utils.flop_counter import FlopCounterMode

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.latency import Entry, measure_inference
from feedbackward.benchmark.memory import measure_memory
from feedbackward.benchmark.runtimes import RUNTIMES, Workload
from feedbackward.errors import InputError

OURS = "feedbackward/test_resnet?retrace=transitions&output_stride=2"
PEER = "smp/FPN/mobilenet_v2"


def test_results_of_several_networks_and_runtimes(exporting):
    entries = [Entry(OURS, runtime) for runtime in ("eager", "optimized", "onnxruntime")] + [Entry(PEER, "eager")]
    results = measure_inference(entries, size=(64, 96), batch=2, threads=1, repeats=4)
    assert [(result.name, result.runtime) for result in results] == [(entry.name, entry.runtime) for entry in entries]
    for result in results:
        network = create_candidate(result.name)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.rand(1, 3, 64, 96))
        assert result.flops == counter.get_total_flops()
        assert result.parameters == sum(parameter.numel() for parameter in network.parameters())
        assert result.quartiles[0] <= result.seconds <= result.quartiles[1]
        assert result.images_per_second == 2 / result.seconds
        assert result.matmul_share > 0
        assert result.memory is None
    assert [result.file_bytes is None for result in results] == [True, True, False, True]
    assert 0.99 < results[2].file_bytes / (4 * results[2].parameters) < 1.03


def test_the_gpu_runtime_computes_in_bfloat16(monkeypatch, tmp_path):
    """The GPU and the compiler, which is too slow for a test, are replaced."""
    monkeypatch.setattr("feedbackward.benchmark.runtimes.choose_device", lambda _: torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: order.append("finished"))
    monkeypatch.setattr(torch, "compile", lambda network: network)
    network, order = create_candidate(OURS), []
    network.register_forward_hook(lambda _, inputs, logits: order.append((inputs[0].dtype, logits.dtype)))
    prepared = RUNTIMES["cuda"](network, Workload(torch.rand(1, 3, 32, 64), tmp_path))
    prepared.run(torch.rand(1, 3, 32, 64))
    assert order == [(torch.bfloat16, torch.bfloat16), "finished"]
    assert prepared.dtype == torch.bfloat16


def test_a_runtime_without_its_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device cuda: PyTorch sees only the CPU here"):
        measure_inference([Entry(OURS, "cuda")], size=(32, 64))


def test_the_file_of_an_encoder_alone_computes_its_last_feature(exporting, tmp_path):
    network, image = create_candidate("timm/test_resnet").eval(), torch.rand(2, 3, 64, 96)
    prepared = RUNTIMES["onnxruntime"](network, Workload(image, tmp_path))
    (feature,) = prepared.run(image)
    with torch.no_grad():
        expected = network.encoder.forward_features(network.preprocessing(image))
    assert_close(torch.from_numpy(feature), expected, rtol=1e-4, atol=1e-5)
    memory = measure_memory("timm/test_resnet", "onnxruntime", (2, 3, 64, 96), threads=1, file=prepared.file)
    assert memory.peak_bytes >= memory.loaded_bytes > 0
    assert prepared.file_bytes == prepared.file.stat().st_size
