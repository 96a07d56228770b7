import xml.etree.ElementTree as ET

import pytest
from rich.console import Console

from feedbackward.cli import info
from feedbackward.cli.main import main
from feedbackward.models import create_model


@pytest.fixture
def run(capsys):
    """Runs the command and returns its output."""

    def command(*args):
        main(["info", *args])
        return capsys.readouterr().out

    return command


@pytest.fixture
def refused(capsys):
    """Runs the command, which must fail, and returns its error message."""

    def command(*args):
        with pytest.raises(SystemExit) as caught:
            main(["info", *args])
        printed = capsys.readouterr()
        assert caught.value.code == 2
        assert printed.out == ""
        return printed.err

    return command


def costs(output):
    """Parameters and GFLOPs by part."""
    parts = ("encoder", "decoder", "head", "total")
    lines = [line.strip() for line in output.splitlines()]
    found = {part: line.removeprefix(part).split() for line in lines for part in parts if line.startswith(f"{part}  ")}
    return {part: (int(words[0].replace(",", "")), float(words[-1].replace(",", ""))) for part, words in found.items()}


# Channels of VGG-16's convolutions, and by how much their feature maps are smaller than the image.
VGG = [(3, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 2), (128, 256, 4), *[(256, 256, 4)] * 2]
VGG += [(256, 512, 8), *[(512, 512, 8)] * 2, *[(512, 512, 16)] * 3]


def test_the_paper_s_parameters_and_a_hand_count_of_flops(run):
    output = run("vgg16_pwn", "--size", "256,512")
    weights = sum(9 * a * b for a, b, _ in VGG)
    assert weights == 14_710_464
    one_pass = sum(2 * 9 * a * b * (256 // stride) * (512 // stride) for a, b, stride in VGG) / 1e9
    head = 2 * 3 * 19 * 256 * 512 / 1e9
    assert costs(output) == {
        "encoder": (weights + 8_448, pytest.approx(one_pass, abs=0.005)),
        "decoder": (7_430, pytest.approx(one_pass, abs=0.005)),
        "head": (3 * 19 + 19, pytest.approx(head, abs=0.005)),
        "total": (weights + 8_448 + 7_430 + 76, pytest.approx(2 * one_pass + head, abs=0.005)),
    }
    assert "The decoder ends at image: 3 channels, stride 1." in output


def test_a_network_without_a_decoder_graph(run, refused, tmp_path):
    output = run("segnet", "--size", "256,512")
    back = [(b, a, stride) for a, b, stride in VGG[1:]] + [(64, 19, 1)]
    passes = sum(2 * 9 * a * b * (256 // stride) * (512 // stride) for a, b, stride in [*VGG, *back]) / 1e9
    assert costs(output)["total"] == (29_446_035, pytest.approx(passes, abs=0.005))
    assert output.startswith("segnet: vgg16\n")
    assert "decoder ends" not in output
    assert run("segnet", "--encoder_name", "vgg11_bn").startswith("segnet: vgg11_bn\n")
    assert "fcn8s cannot be drawn; only feedbackward networks can" in refused(
        "fcn8s", "--draw", str(tmp_path / "fcn.svg")
    )


def test_an_encoder_of_timm_with_options(run):
    output = run(
        "test_resnet", "--size", "128,128", "--classes", "5", "--retrace", "transitions", "--permute", "possible",
        "--output_feature", "last", "--head_input", "sum", "--head_kernel_size", "1",
    )  # fmt: skip
    assert " ".join(output.split()).startswith(
        "test_resnet: test_resnet, encoder_norm=own, freeze_encoder=False, permute=possible, output_stride=auto, "
        "output_feature=last, retrace=transitions, head_input=sum, head_kernel_size=1, head_channels=0, "
        "head_strides=output, rank=0, rank_channels=320, norm=batch "
    )
    assert costs(output)["head"][0] == 5 * 32 + 5
    assert "The decoder ends at maxpool: 32 channels, stride 4." in output
    row = next(line for line in output.splitlines() if line.startswith("layer4.0.conv1 "))
    assert row.split()[-1] == "192×8×8"
    assert "bypassed" in output


def test_the_options_of_a_preset_are_fixed(refused):
    assert "vgg16_pwn has its own decoder; " in refused("vgg16_pwn", "--permute", "possible")


def test_the_decoder_ends_at_the_image_if_requested(run):
    output = run("test_resnet", "--size", "32,32", "--output_stride", "image", "--in_channels", "4")
    assert "output_stride=image" in output
    assert "The decoder ends at image: 8 channels, stride 1." in output


def test_trainable_parameters_with_a_frozen_encoder(run):
    output = run("test_resnet", "--size", "64,64", "--freeze_encoder", "true", "--norm", "group")
    lines = [line.replace(",", "").split() for line in output.splitlines() if line.startswith("  ") and "%" in line]
    trainable = {words[0]: int(words[-2]) for words in lines}
    parameters = {words[0]: int(words[-4]) for words in lines}
    head = 9 * 64 + 19 * 64 + 19
    norms = parameters["decoder"]
    assert trainable == {"encoder": 0, "decoder": norms, "head": head, "total": norms + head}


def test_possible_ends_and_padding_are_reported(run):
    assert "It can end at stride 1, 2, 4, 8, 16, 32, or at the image.\n" in run("resnet18")
    assert "Images are padded to multiples of 32" in run("hrnet_w18_small")


def test_a_decoder_that_would_end_where_it_begins(refused):
    assert "or a smaller stride of [1, 2, 4, 8, 16]" in refused("vgg11", "--output_stride", "32")


def test_a_small_image_costs_as_much_as_the_padded_one(run):
    small, padded = (run("test_resnet", "--size", size) for size in ("8,40", "32,40"))
    assert costs(small) == costs(padded)
    assert "at 8×40" in small


def test_output_for_files_is_plain_and_unbroken(run):
    lines = run("test_resnet", "--size", "64,64").splitlines()
    assert not any("\x1b" in line for line in lines)
    assert any(line.startswith("layer3.0.conv3 ") and "conv (axes swapped), norm" in line for line in lines)


def test_it_fits_a_hundred_columns(run, monkeypatch, capsys):
    monkeypatch.setattr(info, "console_for_tables", lambda: Console(width=100, force_terminal=True, color_system=None))
    lines = run("test_resnet", "--output_feature", "last").splitlines()
    assert max(map(len, lines)) <= 100
    assert any("upsample, conv (axes swapped), norm " in line and "192×32×64" in line for line in lines)


def test_a_saved_network(run, refused, tmp_path):
    network = create_model("test_resnet", encoder_weights=None, classes=3)
    network.save_pretrained(tmp_path / "net")
    folder = str(tmp_path / "net")
    assert costs(run(folder, "--size", "64,64"))["head"][0] == 9 * 64 + 3 * 64 + 3
    assert "is a saved network with its own classes, permute; omit" in refused(
        folder, "--classes", "4", "--permute", "possible"
    )


def test_the_drawing(run, tmp_path):
    path = tmp_path / "figures" / "net.svg"
    output = run("test_resnet", "--size", "64,64", "--draw", str(path), "--classes", "7")
    assert output.splitlines()[-1] == str(path)
    texts = [text.text for text in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert {"test_resnet, classes=7", "7×64×64"} <= {*texts}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["test_resnet", "--draw", "a.png"], "only SVG can be drawn; give a name that ends in .svg"),
        (["test_resnet", "--size", "64"], "--size is '64'; expected height and width, such as 512,1024"),
        (["test_resnet", "--size", "0,64"], "--size is '0,64'; expected a height and a width of at least 1"),
        (["resnet5"], "unknown model 'resnet5'; did you mean "),
        (["vgg16_pwm"], "did you mean vgg16_pw"),
        (["resnet5", "--draw", "new/x.svg"], "unknown model 'resnet5'"),
        (["resnet18", "--encoder_name", "vgg16"], "encoder_name='vgg16': resnet18 is an encoder itself"),
        (["no/such/folder"], "no such model: no/such/folder; expected a folder with config.json"),
        (["nothing.ckpt"], "no such model: nothing.ckpt"),
        (["test_resnet", "--output_stride", "3"], "output_stride=3: this encoder has no feature of that stride"),
        (["test_resnet", "--permute", "never"], "--permute: expected one of 'necessary', 'possible', found 'never'"),
        (["test_resnet", "--classes", "0"], "--classes: expected more than 0, found '0'"),
    ],
)
def test_invalid_arguments_are_refused(args, message, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert message in refused(*args)
    assert not any(tmp_path.iterdir())


def test_a_drawing_that_cannot_be_written_is_refused_before_the_work(refused, tmp_path, monkeypatch):
    monkeypatch.setattr("feedbackward.models.builders.create_model", None)
    (tmp_path / "file").touch()
    (tmp_path / "folder.svg").mkdir()
    assert "cannot be written" in refused("test_resnet", "--draw", str(tmp_path / "file" / "a.svg"))
    assert "this is a folder; give the name of a file" in refused("test_resnet", "--draw", str(tmp_path / "folder.svg"))
