import pickle

import pytest
import torch

from feedbackward.errors import InputError
from feedbackward.models.checkpoint import read_checkpoint


class Code:
    def __reduce__(self):
        return (exec, ("raise SystemError('code of a checkpoint was run')",))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"no checkpoint at .*gone.ckpt; give the path"):
        read_checkpoint(tmp_path / "gone.ckpt")


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half a zip file"])
def test_a_damaged_file(tmp_path, content):
    (tmp_path / "bad.ckpt").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.ckpt is (not a checkpoint|truncated)"):
        read_checkpoint(tmp_path / "bad.ckpt")


def test_a_truncated_file(tmp_path):
    torch.save({"feedbackward": {}, "tensor": torch.zeros(1000)}, tmp_path / "whole.ckpt")
    content = (tmp_path / "whole.ckpt").read_bytes()
    (tmp_path / "half.ckpt").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"half\.ckpt is truncated: its end is missing"):
        read_checkpoint(tmp_path / "half.ckpt")


@pytest.mark.parametrize(
    ("save", "message"),
    [
        (torch.save, "contains more than tensors and plain data and could run code: .*exec"),
        (lambda data, path: path.write_bytes(pickle.dumps(data, protocol=2)), "is not a checkpoint"),
    ],
)
def test_code_in_a_file_is_not_run(tmp_path, save, message):
    save({"feedbackward": Code()}, tmp_path / "evil.ckpt")
    with pytest.raises(InputError, match=message):
        read_checkpoint(tmp_path / "evil.ckpt")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"state_dict": {}}, "of another program: .* found state_dict; give one"),
        ([1, 2], "of another program: .* found a list"),
    ],
)
def test_a_checkpoint_of_another_program(tmp_path, data, message):
    torch.save(data, tmp_path / "other.ckpt")
    with pytest.raises(InputError, match=message):
        read_checkpoint(tmp_path / "other.ckpt")


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize("tensor", [torch.zeros(()).expand(1000, 1000), torch.zeros(100, 100).to_sparse()])
def test_a_tensor_that_is_larger_than_the_file_is_refused(tmp_path, tensor):
    torch.save({"feedbackward": {}, "state_dict": {}, "optimizer_states": [{"state": tensor}]}, tmp_path / "bomb.ckpt")
    with pytest.raises(InputError, match=r"bomb\.ckpt was not loaded: a tensor of \d+x\d+ numbers has \d bytes in the"):
        read_checkpoint(tmp_path / "bomb.ckpt")
