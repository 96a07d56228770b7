"""`feedbackward push` against a stand-in of the hub."""

import pytest

import feedbackward as fb
from feedbackward.cli.main import main


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    fb.create_model("test_resnet", classes=2, encoder_weights=None).save_pretrained(folder)
    return folder


def test_it_prints_the_address_and_what_to_do_with_it(saved, hub, capsys):
    main(["push", str(saved), "someone/streets", "--private"])
    assert capsys.readouterr().out.splitlines() == [
        f"{hub.url}/someone/streets",
        "predict with: feedbackward predict someone/streets IMAGES",
    ]
    assert hub.private == {"someone/streets"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing", "someone/streets"], "error: no such model: missing; expected the folder of a saved network"),
        (["/dev/zero", "someone/streets"], "error: no such model: /dev/zero; expected the folder"),
        (["{saved}", "streets"], "error: 'streets' is not the id of a repository; expected OWNER/NAME"),
        (["{saved}"], "error: required: REPOSITORY; see feedbackward push --help"),
        (["{saved}", "someone/streets", "--branch", "new"], "error: someone/streets: the repository has no such revi"),
    ],
)
def test_an_error_is_one_line(saved, hub, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main(["push", *(argument.format(saved=saved) for argument in arguments)])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)
