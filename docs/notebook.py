# %% [markdown]
# # A walk through a notebook
#
# From an untrained network to masks, in a few minutes on a laptop: a street, a network whose decoder is its encoder, a
# short training, predictions, and two tasks on one encoder. `docs/notebook.py` is the source of this page and runs as
# it is; `python docs/make_notebook.py` puts its outputs here.

# %% [markdown]
# ## Streets
#
# The library draws street scenes with the classes of Cityscapes, so that nothing needs to be downloaded.

# %%
import torch

import feedbackward as fb
from feedbackward.streets import Streets

SIZE = (64, 128)
train, val = Streets("train", scenes=96, size=SIZE), Streets("val", scenes=12, size=SIZE)
train[0]["image"].shape, train[0]["mask"].shape

# %% [markdown]
# An item is an image in [0, 1] and a mask of class indices. The first street that the network will not see in training:

# %% varies
from torchvision.transforms.functional import to_pil_image

street = to_pil_image(val[1]["image"])
street.resize((512, 256))

# %% [markdown]
# ## A network
#
# The encoder is a ResNet, small enough to train here from random weights. The decoder is the same ResNet, transposed:

# %%
torch.manual_seed(0)
net = fb.create_model("test_resnet", classes=19, encoder_weights=None, decoder=fb.DecoderConfig(output_stride=2))
for part in ("encoder", "decoder", "head"):
    print(f"{part:8}{sum(p.numel() for p in getattr(net, part).parameters()):8,} parameters")

# %% [markdown]
# What the decoder has of its own are norms, one for each layer. Its convolutions read the encoder's weights:

# %%
own = [name for name, _ in net.decoder.named_parameters()]
print(len(own), "tensors of its own:", ", ".join(own[:2]), "...")
read = [node.target for node in net.decoder_graph().graph.nodes if node.op == "get_attr"]
print(len(read), "weights of the encoder:", ", ".join(read[:2]), "...")

# %% [markdown]
# ## Training
#
# A network is an `nn.Module`: any loop trains it. This one takes batches of 8 at random, flipped half of the time.
# ([`feedbackward train`](train.md) does more.)

# %% varies
from feedbackward.losses import CrossEntropyIoULoss

STEPS = 200
images = torch.stack([item["image"] for item in train])
masks = torch.stack([item["mask"] for item in train])
loss = CrossEntropyIoULoss()
optimizer = torch.optim.AdamW(net.parameters(), lr=0.006)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.006, total_steps=STEPS)
net.train()
for step in range(STEPS):
    chosen = torch.randint(len(train), (8,))
    image, mask = images[chosen], masks[chosen]
    if step % 2:
        image, mask = image.flip(3), mask.flip(2)
    value = loss(net(net.preprocessing(image)), mask)
    optimizer.zero_grad()
    value.backward()
    optimizer.step()
    schedule.step()
    if step % (STEPS // 4) == 0 or step == STEPS - 1:
        print(f"step {step:3}: loss {value.item():.2f}")

# %% [markdown]
# ## Predictions
#
# Saved with the names and colors of its classes, the network predicts images in any form.

# %%
from feedbackward.data.cityscapes_labels import CITYSCAPES

net.class_table = CITYSCAPES
net.save_pretrained("street_network")
segmenter = fb.load("street_network", resize=fb.Resize(size=SIZE))  # as it was trained
result = segmenter(street)
result.mask.shape, result.mask.dtype, result.probabilities.shape

# %% varies
{name: f"{share:.0%}" for name, share in list(result.shares.items())[:5]}

# %% [markdown]
# A larger picture of the scene is resized for the network, and the scores are interpolated to its own size:

# %% varies
result = segmenter(street.resize((512, 256)))
result.overlay()

# %% [markdown]
# How sure is it? The probability of each pixel's class, from black for 0 to white for 1: borders and small things are
# dark.

# %% varies
from PIL import Image

Image.fromarray((255 * result.confidence).astype("uint8"))

# %% [markdown]
# The scores are those of the whole validation set, not means over images:

# %% varies
from feedbackward.metrics import SegmentationMetric

metric = SegmentationMetric(CITYSCAPES)
for item in val:
    metric.update(torch.tensor(segmenter(item["image"]).mask)[None].long(), item["mask"][None])
scores = metric.compute()
print(f"mean IoU {scores.scalars['mean_iou']:.1%}, pixel accuracy {scores.scalars['pixel_accuracy']:.1%}")

# %% [markdown]
# ## A second task on the same encoder
#
# With a frozen encoder, a task is what the decoder has of its own: an [adapter](adapters.md), a small file. Two tasks
# then run in one pass: the encoder once, each decoder once.

# %%
from feedbackward.classes import ClassTable

for name, colors in (("vehicles", (0, 0, 142)), ("greens", (107, 142, 35))):
    task = fb.create_model("test_resnet", classes=2, encoder_weights="street_network", freeze_encoder=True)
    task.class_table = ClassTable(("background", name), ((0, 0, 0), colors))
    task.save_adapter(f"{name}.safetensors", dtype="float16")
    trained = sum(p.numel() for p in task.parameters() if p.requires_grad)
    print(f"{name}: {trained:,} of {sum(p.numel() for p in task.parameters()):,} parameters to train")

# %%
both = fb.load(["vehicles.safetensors", "greens.safetensors"], backbone="street_network")
{name: result.mask.shape for name, result in both(street).items()}

# %% [markdown]
# These two are not trained yet: `feedbackward train DATA --freeze-encoder` does it, and writes the adapter.
