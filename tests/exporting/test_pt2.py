"""Files that run code when torch.export.load reads them, each refused, and damaged ones."""

import json
import pickle
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from torch import nn

import feedbackward as fb
from feedbackward.errors import InputError
from feedbackward.exporting import export, load_exported
from feedbackward.exporting.pt2.operations import ATEN, CHECKS
from feedbackward.exporting.pt2.strings import check_strings

pytestmark = pytest.mark.usefixtures("exporting")

Entries = dict[str, bytes]
PROGRAM = "models/model.json"
WEIGHTS, CONSTANTS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
IMAGE = np.zeros((1, 3, 8, 12), np.float32)
EVIL = "__import__('pathlib').Path('ran').touch()"
"""Leaves a file in the working directory."""


class Evil:
    def __reduce__(self) -> Any:
        return eval, (EVIL,)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> Entries:
    """The entries of an exported file of a tiny network, without the name of their folder."""
    jaxtyping = pytest.importorskip("jaxtyping")
    path = tmp_path_factory.mktemp("pt2") / "tiny.pt2"
    torch.manual_seed(0)
    network = fb.Feedbackward(
        nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)),
        classes=2,
        decoder=fb.DecoderConfig(output_stride=2),
        preprocessing=fb.Preprocessing(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2)),  # these become constants
    )
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        export(network, path, format="torch_export")
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def written(entries: Entries, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(f"tiny/{name}", content)
    return path


def changed(name: str, change: Callable[[Any], object]) -> Callable[[Entries], Entries]:
    """A change of the JSON of an entry."""

    def change_entry(entries: Entries) -> Entries:
        content = json.loads(entries[name])
        change(content)
        return {**entries, name: json.dumps(content).encode()}

    return change_entry


def graph(program: Any) -> Any:
    return program["graph_module"]["graph"]


def call(target: str, *arguments: dict[str, Any]) -> Callable[[Any], object]:
    """Adds a call that torch.export.load would make while it runs the graph."""
    node = {
        "target": target,
        "inputs": [{"name": "", "arg": argument, "kind": 1} for argument in arguments],
        "outputs": [{"as_none": True}],
        "metadata": {},
        "is_hop_single_tensor_return": None,
        "name": "evil",
    }
    return lambda program: graph(program)["nodes"].insert(0, node)


def first(table: str, **change: Any) -> Callable[[Entries], Entries]:
    """Changes the entry of the first tensor."""
    return changed(table, lambda content: next(iter(content["config"].values())).update(change))


def rename_image(program: Any) -> None:
    text = json.dumps(program).replace('"image"', json.dumps(f"image, evil={EVIL}"))
    program.clear()
    program.update(json.loads(text))


SIZE = {"as_expr": {"expr_str": EVIL, "hint": {"as_int": 2}}}
PICKLED = pickle.dumps(Evil())
ATTACKS = {
    "sample inputs": (
        lambda e: {**e, "data/sample_inputs/model.pt": PICKLED},
        "contains sample inputs, which are pick",
    ),
    "a pickled weight": (lambda e: {**first(WEIGHTS, use_pickle=True)(e), "data/weights/weight_0": PICKLED}, "pickled"),
    "a pickled constant": (
        lambda e: {**first(CONSTANTS, use_pickle=True)(e), "data/constants/tensor_0": PICKLED},
        "is pickled and could run code",
    ),
    "an object of C++": (
        lambda e: {**first(CONSTANTS, path_name="custom_obj_0")(e), "data/constants/custom_obj_0": PICKLED},
        "contains tiny/data/constants/custom_obj_0",
    ),
    "an object of Python": (
        lambda e: {**first(CONSTANTS, path_name="opaque_obj_0")(e), "data/constants/opaque_obj_0": PICKLED},
        "contains tiny/data/constants/opaque_obj_0",
    ),
    "an object that is not listed": (first(CONSTANTS, path_name="../../opaque_obj_0"), "is pickled and could run code"),
    "old weights": (lambda e: {**e, "data/weights/model.pt": PICKLED}, "the format of an older PyTorch"),
    "old constants": (lambda e: {**e, "data/constants/model.pt": PICKLED}, "contains tiny/data/constants/model.pt"),
    "a library": (lambda e: {**e, "data/aotinductor/model/a.so": b"\x7fELF"}, "contains tiny/data/aotinductor/model/a"),
    "a second program": (lambda e: {**e, "models/evil.json": e[PROGRAM]}, "contains tiny/models/evil.json"),
    "a size of a tensor": (
        changed(PROGRAM, lambda p: next(iter(graph(p)["tensor_values"].values())).update(sizes=[SIZE])),
        "as expr_str, which PyTorch could run as code",
    ),
    "a size": (changed(PROGRAM, lambda p: graph(p)["sym_int_values"].update(evil=SIZE)), "as expr_str"),
    "a condition": (changed(PROGRAM, lambda p: p["guards_code"].append(EVIL)), "as guards_code"),
    "a hidden condition": (
        changed(PROGRAM, lambda p: p["guards_code"].append("L['image'].size()[2] < 9\n" + EVIL)),
        "as guards_code",
    ),
    "a structure": (
        changed(PROGRAM, lambda p: p["graph_module"]["module_call_graph"][0]["signature"].update(in_spec='"evil.X"')),
        "as in_spec",
    ),
    "a function of the system": (changed(PROGRAM, call("torch.os.system", {"as_string": "touch ran"})), "os.system'"),
    "a module of the system": (
        changed(PROGRAM, call("torch.sys.exit", {"as_int": 3})),
        "its operation 'torch.sys.exit",
    ),
    "unpickling": (changed(PROGRAM, call("torch.load", {"as_string": "evil.pt"})), "its operation 'torch.load'"),
    "loading a library": (changed(PROGRAM, call("torch.ops.load_library", {"as_string": "a.so"})), "load_library"),
    "reading a file": (changed(PROGRAM, call("torch.ops.aten.from_file.default", {"as_string": "a"})), "from_file"),
    "an attribute of an operation": (changed(PROGRAM, call("torch.ops.aten.add.overloads")), "has no operation"),
    "a function of operator": (changed(PROGRAM, call("_operator.methodcaller", {"as_string": "a"})), "methodcaller"),
    "an operation of higher order": (changed(PROGRAM, call("torch.ops.higher_order.cond")), "higher_order"),
    "an extension": (changed(PROGRAM, call("#evil:op")), "as target, which PyTorch could run"),
    "a function as an argument": (
        changed(PROGRAM, call("torch.ops.aten.relu.default", {"as_operator": "torch.os.system"})),
        "an argument of kind as_operator",
    ),
    "a name": (changed(PROGRAM, rename_image), "which PyTorch could run as code"),
    "a note of a node": (
        changed(PROGRAM, lambda p: graph(p)["nodes"][0]["metadata"].update(source_fn_stack="a,torch.os")),
        "as source_fn_stack",
    ),
    "another device": (
        changed(PROGRAM, call("torch.ops.aten.zeros.default", {"as_device": {"type": "cuda", "index": None}})),
        "an argument of kind as_device",
    ),
}


def test_the_attacks_run_code(here: Path) -> None:
    for attack in (lambda: pickle.loads(PICKLED), lambda: sympy.sympify(EVIL), lambda: eval(EVIL)):
        attack()
        assert (here / "ran").exists()
        (here / "ran").unlink()


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_that_runs_code_is_refused(attack: str, entries: Entries, here: Path) -> None:
    change, message = ATTACKS[attack]
    path = written(change(entries), here / "evil.pt2")
    with pytest.raises(InputError, match=r"^[^\n]*evil\.pt2[^\n]*$") as refused:
        load_exported(path).outputs(IMAGE)
    assert message in str(refused.value)
    assert not (here / "ran").exists()


def test_the_file_itself_is_read_as_torch_reads_it(entries: Entries, here: Path) -> None:
    path = written(entries, here / "good.pt2")
    generator = np.random.default_rng(0)
    for shape in ((1, 3, 8, 12), (3, 3, 17, 9)):
        image = generator.random(shape, np.float32)
        (output,) = load_exported(path).outputs(image)
        expected = torch.export.load(path).module()(torch.from_numpy(image)).detach()
        np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: {name: content for name, content in e.items() if name != WEIGHTS}, "contains no tiny/data/weights"),
        (lambda e: {**e, PROGRAM: b"{"}, "is not valid JSON"),
        (lambda e: {**e, PROGRAM: b"[" * 100_000}, "is not valid JSON"),
        (lambda e: {**e, PROGRAM: b"\xff"}, "is not UTF-8 text"),
        (lambda e: {**e, PROGRAM: b"[]"}, "is not a JSON object"),
        (lambda e: {**e, PROGRAM: b"{}"}, "is not a valid torch.export file"),
        (changed(PROGRAM, lambda p: graph(p)["nodes"].pop(0)), "which was not computed before"),
        (changed(PROGRAM, lambda p: graph(p)["outputs"].clear()), "has 0 outputs, and its metadata names 1"),
        (first(WEIGHTS, tensor_meta=None), "is not a valid torch.export file"),
        (lambda e: {**e, "data/weights/weight_0": e["data/weights/weight_0"][:-4]}, r"network\.encoder\.0\.weight is"),
        (lambda e: {**e, "extra/feedbackward.json": b"\xff"}, "is not a valid torch.export file"),
    ],
)
def test_a_damaged_file_is_named(change: Any, message: str, entries: Entries, here: Path) -> None:
    path = written(change(entries), here / "bad.pt2")
    with pytest.raises(InputError, match=message):
        load_exported(path).outputs(IMAGE)


def test_a_tensor_larger_than_its_bytes_takes_no_memory(entries: Entries, here: Path) -> None:
    def grow(content: Any) -> None:
        meta = next(iter(content["config"].values()))["tensor_meta"]
        meta["sizes"] = [{"as_int": 10**12}]
        meta["strides"] = [{"as_int": 0}]

    path = written(changed(WEIGHTS, grow)(entries), here / "large.pt2")
    with pytest.raises(InputError, match=r"is damaged: .* is 1000000000000 of torch\.float32"):
        load_exported(path)


def test_no_flipped_byte_changes_the_logits(entries: Entries, here: Path) -> None:
    path = written(entries, here / "a.pt2")
    content = path.read_bytes()
    (expected,) = load_exported(path).outputs(IMAGE)
    places = random.Random(0)
    refused = 0
    for _ in range(150):
        at = places.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << places.randrange(8)]) + content[at + 1 :])
        try:
            (output,) = load_exported(path).outputs(IMAGE)
        except InputError:
            refused += 1
        else:
            np.testing.assert_array_equal(output, expected)
    assert refused > 120


@pytest.mark.parametrize(
    ("key", "text"),
    [("expr_str", "1" * 50), ("guards_code", "1" * 50), ("guards_code", "*" * 50), ("in_spec", "1" * 50)],
)
def test_long_text_is_refused_at_once(key: str, text: str, here: Path) -> None:
    with pytest.raises(InputError, match=f"as {key}"):  # backtracking would take years
        check_strings({key: text + "!"}, here / "long.pt2")


def test_a_module_may_have_a_name_that_python_does_not_allow(here: Path) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stages = nn.ModuleDict({"stage-1": nn.Conv2d(3, 4, 3, stride=2, padding=1)})
            self.last = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.last(self.stages["stage-1"](image).relu())

    network = fb.Feedbackward(Encoder(), classes=2, decoder=fb.DecoderConfig(output_stride=2))
    export(network, here / "named.pt2", format="torch_export")
    with zipfile.ZipFile(here / "named.pt2") as archive:
        assert b'"network.encoder.stages.stage-1.weight"' in archive.read("named/models/model.json")
    load_exported(here / "named.pt2").outputs(IMAGE)


def test_an_encoder_that_needs_multiples_of_a_size(here: Path) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.second, self.third = (nn.Conv2d(4, 4, 3, stride=2, padding=1) for _ in range(2))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            fine = self.first(image)
            return self.third(fine + nn.functional.interpolate(self.second(fine).relu(), scale_factor=2.0)).relu()

    network = fb.Feedbackward(Encoder(), classes=2).eval()
    assert network.sizes.multiple > 1
    export(network, here / "multiples.pt2", format="torch_export")  # compared with the network at several sizes


def test_an_encoder_with_a_buffer_that_is_not_saved(here: Path) -> None:
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
            self.last = nn.Conv2d(4, 4, 3, padding=1)
            self.register_buffer("scale", torch.rand(4, 1, 1), persistent=False)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.last(self.first(image).relu() * self.scale)

    network = fb.Feedbackward(Encoder(), classes=2, decoder=fb.DecoderConfig(output_stride=2)).eval()
    export(network, here / "buffer.pt2", format="torch_export")  # compared with the network


@pytest.mark.parametrize("text", ["torch.sym_max.__call__(1)", "torch.load(1)", "math.sqrt.__self__", "torch.sym_max"])
def test_conditions_call_functions_of_sizes_alone(text: str, here: Path) -> None:
    with pytest.raises(InputError, match="as guards_code"):
        check_strings({"guards_code": text}, here / "called.pt2")


def test_known_operations_exist() -> None:
    assert all(getattr(torch.ops.aten, name).overloads() for name in ATEN)
    assert all(name in ATEN for name in CHECKS)


WRONG_CALLS = """
batch_norm(ones(1, C, 1, 1), None, None, ones(1), ones(1), True, 0.5, 1e-5, False)
batch_norm(ones(1, C, 1, 1), ones(1), ones(1), ones(C), ones(C), False, 0.5, 1e-5, False)
instance_norm(ones(1, C, 2, 2), None, None, ones(1), ones(1), True, 0.5, 1e-5, False)
native_batch_norm(ones(1, C, 1, 1), None, None, ones(1), ones(1), True, 0.5, 1e-5)
group_norm(ones(1, C, 1, 1), 2, ones(1), ones(1))
layer_norm(ones(1, C), [C], ones(1), ones(1))
rms_norm(ones(1, C), [C], ones(1))
prelu(ones(1, C, 2, 2), ones(3))
convolution(ones(1, 4, 4, 4), ones(4, 4, 3, 3), ones(1), [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
convolution(ones(1, 4, 4, 4), ones(4, 4, 3, 3), None, [1, 1], [-9, 0], [1, 1], False, [0, 0], 1)
conv_transpose1d(ones(1, 4, 40), ones(4, 4, 3), ones(1))
linear(ones(2, 3), ones(C, 3), ones(7))
addmm(ones(7), ones(2, 3), ones(3, 2))
baddbmm(ones(1, 2, 2), ones(3, 2, 3), ones(3, 4, 2))
dot(ones(4), ones(C))
mv(ones(4, 4), ones(C))
index(ones(4, 4), [tensor([10**12])])
index(ones(4, 4), [tensor([-(10**12)])])
index_select(ones(4, 4), 0, tensor([10**12]))
gather(ones(4, 4), 0, tensor([[10**12]]))
repeat_interleave(ones(2), tensor([C, 1]), 0, output_size=1)
max_unpool2d(ones(1, 1, 1, 1), tensor([[[[10**12]]]]), [8, 8])
max_unpool2d(ones(1, 1, 400, 400), tensor([[[[1]]]]), [8, 8])
max_pool2d_with_indices(ones(1, 1, 8, 8), [2, 2], [1, 1], [-5, -5], [1, 1])
avg_pool2d(ones(1, 1, 8, 8), [2, 2], [1, 1], [-5, -5])
adaptive_avg_pool2d(ones(1, 1, 8, 8), [-8, -8])
col2im(ones(1, 4, 4), [C, 100], [2, 2], [1, 1], [0, 0], [1, 1])
im2col(ones(1, 1, 4, 4), [2, 2], [1, 1], [-C, 0], [1, 1])
reflection_pad2d(ones(1, 1, 4, 4), [100, 100, 100, 100])
unfold(ones(4), 0, -4, 1)
narrow(ones(4), 0, 3, 100)
select(ones(4), 0, 100)
split_with_sizes(ones(4), [-1000, 1004])
topk(ones(4), C)
glu(ones(3), 0)
grid_sampler(**image_and_grid, interpolation_mode=7, padding_mode=0, align_corners=False)
grid_sampler_2d(**image_and_grid, interpolation_mode=7, padding_mode=0, align_corners=False)
scaled_dot_product_attention(query=ones(1, 2, 4, 8), key=ones(1, 2, 4, 8), value=ones(1, 2, C, 8))
div(self=tensor([-(2**63)]), other=tensor([-1]), rounding_mode="trunc")
div_(self=tensor([-(2**63)]), other=tensor([-1]), rounding_mode="trunc")
"""
IN_ANOTHER_PROCESS = """
import sys
import torch
from torch import ones, tensor
from feedbackward.exporting.pt2.operations import ATEN, CHECKS, _checked
C = 100_000
names = {name: getattr(torch.ops.aten, name) for name in ATEN}
names["image_and_grid"] = {"input": ones(1, 1, 4, 4), "grid": ones(1, 4, 4, 2)}
names |= {name: _checked(names[name], check) for name, check in CHECKS.items()}
for call in sys.stdin.read().splitlines():
    try:
        result = eval(call, {"ones": ones, "tensor": tensor, "C": C, **names})
    except (NameError, RuntimeError, ValueError, IndexError):  # NameError: it is not in ATEN
        continue
    print(call, "is", result)
"""


def test_operations_refuse_arguments_that_would_read_beyond_their_tensors() -> None:
    assert all(hasattr(torch.ops.aten, call.partition("(")[0]) for call in WRONG_CALLS.split("\n")[1:-1])
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS]
    done = subprocess.run(command, input=WRONG_CALLS.strip(), text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
