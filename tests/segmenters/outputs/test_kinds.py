from pathlib import Path

from feedbackward.segmenters.outputs import OUTPUTS

PAGE = Path(__file__).parents[3] / "docs" / "predict.md"


def test_the_page_has_every_kind():
    outputs = PAGE.read_text(encoding="utf-8").partition("\n## Outputs\n")[2]
    rows = [line.split("|") for line in outputs.splitlines() if line.startswith("| `")]
    files = {row[1].strip(" `"): row[2].strip(" `") for row in rows}
    assert list(files) == list(OUTPUTS)
    for kind, output in OUTPUTS.items():
        assert files[kind].startswith(f"{kind}/")
        assert files[kind].endswith(output.suffix)


def test_the_page_has_the_files_about_all_images():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for output in OUTPUTS.values() for name in output.gathered)
