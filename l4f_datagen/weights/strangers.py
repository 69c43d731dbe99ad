"""Networks that cannot be used here but are often given by mistake, recognised by the names of their tensors."""

from collections.abc import Collection, Mapping
from itertools import islice

from ..short import short
from .assembly.names import find
from .assembly.relatives import R3GAN
from .foreign_encoders import REMEDY, find_encoder
from .pickle.machine import Record
from .pickle.tensors import StoredArray, StoredTensor

_SIGNS = (
    (("model.diffusion_model.input_blocks.0.0.weight",), "Stable Diffusion"),
    (("conv_in.weight", "time_embedding.linear_1.weight"), "the U-Net of a diffusion model"),
    (("input_layer.0.weight", "body.0.res_layer.0.weight"), "an ArcFace network (IR-SE50)"),
    (("progression.0.conv1.conv.weight",), "a StyleGAN1 generator of rosinality's layout"),
    (("progression.0.conv1.0.conv.weight_orig",), "a StyleGAN1 generator of rosinality's layout"),
    (("style_conv1.modulated_conv.weight", "constant_input.weight"), "a StyleGAN2 generator of BasicSR's layout"),
    (("g_synthesis.blocks.4x4.const",), "a StyleGAN1 generator"),
    (("MainLayers.0.Layers.0.Basis",), R3GAN.name),
    (("convs.0.0.weight", "final_linear.0.weight"), "a StyleGAN2 discriminator of rosinality's layout"),
    (("b4.fc.weight", "b4.out.weight"), "a StyleGAN2 discriminator of NVIDIA's layout"),
    (("from_rgb.weight", "blocks.0.first.weight"), "a StyleGAN2 discriminator of ours"),
    (("Mixed_5b.branch1x1.conv.weight",), "an Inception v3"),
    (("stage1.rebnconvin.conv_s1.weight",), "a U²-Net for salient objects"),
    (("visual.conv1.weight", "text_projection"), "a CLIP model"),
    (("lin0.model.1.weight",), "LPIPS weights"),
    (("patch_embed.proj.weight", "blocks.0.attn.qkv.weight"), "a vision transformer"),
    (("backbone.conv1.weight", "classifier.0.convs.0.0.weight"), "a DeepLabV3 segmenter"),
    (("conv1.weight", "bn1.weight", "layer1.0.conv1.weight"), "a ResNet"),
    (("features.0.weight", "classifier.0.weight"), "a VGG network"),
    (("inc.double_conv.0.weight",), "a U-Net segmenter"),
)
_SHOWN = 6
"""Entries that a message names."""


def name_of(data: object) -> str | None:
    """Which of these networks the content of a file is, by the names of its tensors; None if it is none of them."""
    if encoder := find_encoder(data):
        return str(encoder)
    return next((network for signs, network in _SIGNS if find(data, signs) is not None), None)


def remedy_for(data: object) -> str:
    """What to do where the content of a file cannot be used."""
    if find_encoder(data):
        return REMEDY
    return "choose another file" + (f"; it would take {takes}" if (takes := takes_of(data)) else "")


def takes_of(data: object) -> str | None:
    """What it would take to use the content of a file that nothing here can use, where that is known."""
    return R3GAN.takes if name_of(data) == R3GAN.name else None


def describe(data: object) -> str:
    """What the content of a file is called where nothing in it can be used; ends the phrase "got …"."""
    if name := name_of(data):
        return name
    if isinstance(data, Mapping):
        if not data:
            return "an empty dictionary"
        return f"a checkpoint of something else, with the entries {short(_few(data), 160)}"
    if isinstance(data, Record):
        return f"a pickled {data.kind}"
    if isinstance(data, (StoredTensor, StoredArray)):
        return f"a lone tensor of shape {short(data.shape)}"
    return f"a pickled {type(data).__name__}"


def _few(names: Collection) -> str:
    told = [short(getattr(name, "name", name), 40) for name in islice(names, _SHOWN)]
    return ", ".join(told) + (", …" if len(names) > _SHOWN else "")
