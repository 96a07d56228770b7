"""The names of networks and runtimes, apart from their code, which imports torch."""

GRAMMAR = """\
  NAME                      a model of this library, such as vgg16_pwn or segnet
  feedbackward/ENCODER      our network on a timm encoder
  smp/ARCHITECTURE/ENCODER  segmentation_models_pytorch, such as smp/Unet/resnet18
  torchvision/NAME          a segmentation network of torchvision, such as torchvision/deeplabv3_resnet50
  timm/ENCODER              a timm encoder alone, up to its last feature
  PATH                      a saved network or a checkpoint
Options follow a question mark: feedbackward/resnet18?retrace=transitions&output_stride=4
With grad_checkpointing=true our networks save less for the backward pass"""

FORMS = (
    "a model such as vgg16_pwn or segnet, feedbackward/ENCODER, smp/ARCHITECTURE/ENCODER, torchvision/NAME, "
    "timm/ENCODER, or the path of a saved network or a checkpoint"
)
"""The forms of names in one line, for messages."""

FILE_RUNTIMES = ("onnxruntime", "openvino", "tensorrt")
"""The runtimes that run an exported file."""
RUNTIME_NAMES = ("eager", "channels_last", "optimized", "compile", "cuda", *FILE_RUNTIMES)
"""Where networks run."""
TRAINING_RUNTIME_NAMES = ("eager", "channels_last", "bfloat16", "cuda")
"""Where they are trained: on the CPU in float32 in either memory layout, or in channels-last memory with autocast to
bfloat16, on the CPU or on a GPU (cuda)."""
