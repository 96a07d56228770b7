"""The card, read back by the hub's own library."""

from huggingface_hub import ModelCard

import feedbackward as fb
from feedbackward.data import CAMVID
from feedbackward.decoder_config import DecoderConfig
from feedbackward.models.origin import UNKNOWN, timm_origin


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
    assert (card.data.license, card.data.license_name) == ("other", "not-stated")
    assert "The encoder started from random weights. Its author has not stated a license." in card.text


def test_the_card_of_a_network_on_weights_that_are_not_for_commercial_use():
    network = fb.create_model("test_resnet", encoder_weights=None, classes=11)
    network.origin = timm_origin("convnextv2_atto")
    card = network.generate_model_card()
    assert card.data.license == "cc-by-nc-4.0"
    assert "timm's weights `convnextv2_atto.fcmae_ft_in1k`. Their license: cc-by-nc-4.0." in card.text
    assert "cc-by-nc-4.0, forbids commercial use: of them, and of networks" in card.text
    network.origin = UNKNOWN
    card = network.generate_model_card()
    assert card.data.license == "unknown"
    assert "weights of which neither the origin nor the license is known here." in card.text
