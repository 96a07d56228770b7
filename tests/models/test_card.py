"""The card, read back by the hub's own library."""

from huggingface_hub import ModelCard

import feedbackward as fb
from feedbackward.data import CAMVID
from feedbackward.decoder_config import DecoderConfig


def test_the_card_of_an_untrained_network(tmp_path):
    network = fb.create_model(
        "test_resnet", encoder_weights=None, in_channels=4, classes=11, decoder=DecoderConfig(output_stride=2)
    )
    network.class_table = CAMVID
    network.save_pretrained(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.library_name == "feedbackward"
    assert card.data.eval_results is None
    parameters = sum(tensor.numel() for tensor in network.parameters())
    assert f"11 classes with {parameters:,} parameters" in card.text
    assert "| 10 | bicyclist | 0, 128, 192 |" in card.text
    assert "| channels | 4 |" in card.text
    assert "| encoder_name | test_resnet |" in card.text
    assert "Training" not in card.text
