"""Networks that are no StyleGAN2 generator but often lie beside one, recognised by the names of their tensors."""

from collections.abc import Iterable, Mapping

from .machine import Record
from .tensors import StoredArray, StoredTensor

_SIGNS = (
    (("cp.resnet.conv1.weight", "ffm.convblk.conv.weight"), "a BiSeNet for face parsing"),
    (("model.diffusion_model.input_blocks.0.0.weight",), "Stable Diffusion"),
    (("conv_in.weight", "time_embedding.linear_1.weight"), "the U-Net of a diffusion model"),
    (("encoder.input_layer.0.weight",), "a pSp or e4e encoder without its decoder"),
    (("input_layer.0.weight", "body.0.res_layer.0.weight"), "an ArcFace network (IR-SE50)"),
    (("generator.progression.0.conv1.conv.weight",), "a StyleGAN1 generator of rosinality's layout"),
    (("generator.progression.0.conv1.0.conv.weight_orig",), "a StyleGAN1 generator of rosinality's layout"),
    (("convs.0.0.weight", "final_linear.0.weight"), "a StyleGAN2 discriminator of rosinality's layout"),
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
_STATE_KEYS = ("state_dict", "model", "model_state_dict", "net", "params_ema", "params", "g_ema", "g", "d", "G", "D")
_SHOWN = 6
_MAX_TEXT = 160


def printable(text: object) -> str:
    """One short line of what a file says of itself: nothing in it can control a terminal."""
    line = (str(text).strip().splitlines() or [""])[0][:_MAX_TEXT]
    return "".join(character if character.isprintable() else "?" for character in line)


def name_of(data: object) -> str | None:
    """The network that an unpickled file holds, if its tensors give it away."""
    for state in _states(data):
        names = {name.removeprefix("module.") for name in state if isinstance(name, str)}
        for signs, network in _SIGNS:
            if all(sign in names for sign in signs):
                return network
    return None


def describe(data: object) -> str:
    """What an unpickled file holds; ends the phrase "got …"."""
    if name := name_of(data):
        return name
    if isinstance(data, Mapping):
        if not data:
            return "an empty dictionary"
        return f"a checkpoint of something else, with the entries {printable(_few(data))}"
    if isinstance(data, Record):
        return f"a pickled {data.kind}"
    if isinstance(data, (StoredTensor, StoredArray)):
        return f"a lone tensor of shape {data.shape}"
    return f"a pickled {type(data).__name__}"


def _states(data: object) -> Iterable[Mapping]:
    if isinstance(data, Mapping):
        yield data
        yield from (data[key] for key in _STATE_KEYS if isinstance(data.get(key), Mapping))


def _few(names: Iterable) -> str:
    names = [getattr(name, "name", str(name))[:40] for name in names]
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
