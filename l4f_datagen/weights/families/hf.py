"""Segmenters of transformers: ``hf:segformer-b0``, or a folder as ``save_pretrained`` and ``hf download`` leave it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...devices import too_little_memory
from ...documents import Unreadable, load_json
from ...errors import UserError
from ...networks.backbones.imagenet import MEAN, STD
from ...networks.wrapped import Wrapped
from ...short import short
from ..family import Family, library

_WIDE = {"hidden_sizes": [64, 128, 320, 512]}
PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "segformer-b0": {"hidden_sizes": [32, 64, 160, 256], "depths": [2, 2, 2, 2], "decoder_hidden_size": 256},
    "segformer-b1": {**_WIDE, "depths": [2, 2, 2, 2], "decoder_hidden_size": 256},
    "segformer-b2": {**_WIDE, "depths": [3, 4, 6, 3], "decoder_hidden_size": 768},
    "segformer-b3": {**_WIDE, "depths": [3, 4, 18, 3], "decoder_hidden_size": 768},
    "segformer-b4": {**_WIDE, "depths": [3, 8, 27, 3], "decoder_hidden_size": 768},
    "segformer-b5": {**_WIDE, "depths": [3, 6, 40, 3], "decoder_hidden_size": 768},
}
"""What differs from transformers' own defaults (Xie et al. 2021, table 6)."""
_CARD, _LOOKS = "config.json", "preprocessor_config.json"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_ANY_SIZE = ("beit", "mobilenet_v2", "mobilevit", "mobilevitv2", "segformer", "upernet")
"""Kinds of model that take images of any size. Others get images of their ``image_size``."""
_CODE = ("auto_map", "custom_pipelines", "quantization_config")
"""Entries of a configuration that ask for code of its own, or for numbers that are no weights yet."""
_LEFT_OUT = (
    "architectures", "attn_implementation", "dtype", "id2label", "label2id", "num_labels", "problem_type",
    "torch_dtype", "transformers_version", "use_kernels",
)  # fmt: skip
"""Entries of a configuration that say nothing of the architecture, or that are said anew."""
_MOST_BYTES, _MOST_NUMBER, _MOST_LAYERS = 1 << 20, 1 << 16, 1 << 8
"""Bounds of a configuration: of its file, of every whole number in it, and of all its layers together."""
_CHANNELS = 3
"""Of the images that every segmenter is given."""
_SHOWN = 3
"""Tensors that a note names."""


class OfTransformers(Wrapped):
    """A model of transformers. ``configuration`` holds its own, and whether it looks at blue, green and red."""

    def ask(self, image: Tensor) -> Tensor:
        return self.model(pixel_values=self._ordered(image)).logits

    def ask_deepest(self, image: Tensor) -> Tensor:
        last = self.model(pixel_values=self._ordered(image), output_hidden_states=True).hidden_states[-1]
        return last.transpose(1, 2)[..., None] if last.ndim == 3 else last

    def _ordered(self, image: Tensor) -> Tensor:
        return image.flip(1) if self.configuration.get("bgr") else image


class Transformers(Family):
    """Models of transformers for semantic segmentation, by a published configuration or from a folder."""

    forms = "segformer-b0 … segformer-b5 with random weights, or a folder with config.json and model.safetensors"

    def begin(self, what: str, *, classes: int, size: int) -> tuple[OfTransformers, tuple[str, ...]]:
        if what in PUBLISHED:
            published = {"config": {"model_type": "segformer", **PUBLISHED[what]}, "classes": classes}
            return self.again(published, foreground=None, size=size), ()
        folder = _folder(what)
        architecture = {"config": _read(folder / _CARD), "classes": classes, **_looks(folder)}
        try:
            model, notes = _pretrained(f"hf:{what}", folder, _configuration(architecture))
        except ValueError as error:
            raise UserError(
                f"hf:{what}", got=f"a configuration that cannot be used ({short(error, 160)})",
                expected="that of a model of transformers for semantic segmentation", remedy="choose another model",
            ) from error  # fmt: skip
        return _wrapped(model, architecture, foreground=None, size=size), notes

    def again(
        self, architecture: Mapping[str, Any], *, foreground: Sequence[int] | None, size: int | None
    ) -> OfTransformers:
        configuration = _configuration(architecture)
        model = _library().AutoModelForSemanticSegmentation.from_config(configuration)
        return _wrapped(model, architecture, foreground=foreground, size=size)

    def files(self, what: str) -> Sequence[Path]:
        if what in PUBLISHED:
            return ()
        folder = _folder(what)
        return sorted(
            path for path in folder.iterdir() if path.suffix == ".safetensors" or path.name in (_CARD, _LOOKS)
        )


def _library() -> Any:
    return library("a model of transformers", "transformers", "transformers")


def _folder(what: str) -> Path:
    """The folder that the words behind ``hf:`` name.

    Raises:
        UserError: it is none, or holds no weights that can be read without running anything.
    """
    folder = Path(what).expanduser()
    if not (folder / _CARD).is_file():
        known = f"{', '.join(PUBLISHED)}, or a folder with {_CARD}"
        address = what.count("/") == 1 and not folder.exists()
        raise UserError(
            "arch", got=f"hf:{what}, " + ("which is no folder" if not folder.is_dir() else f"a folder without {_CARD}"),
            expected=f"hf: and one of {known}",
            remedy=f"download it first: hf download {what} --local-dir FOLDER" if address else "check the path",
        )  # fmt: skip
    if not any((folder / name).is_file() for name in _WEIGHTS):
        raise UserError(
            f"hf:{what}", got=f"a folder without {_WEIGHTS[0]}", expected="weights as safetensors, which hold no code",
            remedy="load and save the model with transformers: save_pretrained writes them",
        )  # fmt: skip
    return folder


def _read(path: Path) -> dict[str, Any]:
    try:
        return load_json(path, most=_MOST_BYTES, kind=dict)
    except Unreadable as error:
        raise UserError(
            str(path), got=f"no readable JSON: {error.got}", expected="what save_pretrained wrote",
            remedy="download the folder again",
        ) from error  # fmt: skip


def _looks(folder: Path) -> dict[str, Any]:
    """How a model of a folder wants its images, as the file beside it says; ImageNet's mean and deviation otherwise."""
    said = _read(folder / _LOOKS) if (folder / _LOOKS).is_file() else {"image_mean": MEAN, "image_std": STD}
    plain = said.get("do_normalize", "image_mean" in said) is False
    found: dict[str, tuple[float, ...]] = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    for name, usual in () if plain else (("mean", MEAN), ("std", STD)):
        values = said.get(f"image_{name}", usual)
        if not (isinstance(values, (list, tuple)) and len(values) == 3 and all(map(_is_number, values))):
            raise UserError(
                str(folder / _LOOKS), got=f"image_{name} {short(values, 60)}", expected="three numbers",
                remedy="correct it, or remove the file for ImageNet's",
            )  # fmt: skip
        found[name] = tuple(values)
    return found | ({"bgr": True} if said.get("do_flip_channel_order") is True else {})


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e6


def _configuration(architecture: Mapping[str, Any]) -> Any:
    """A configuration of transformers from what a card or a folder states.

    Raises:
        ValueError: it is impossible, or asks for code.
    """
    said = architecture["config"]
    if not isinstance(said, Mapping):
        raise ValueError(f"a configuration {short(said, 40)}")
    _check(said)
    kind = said.get("model_type")
    automatic = _library().models.auto
    if kind not in automatic.modeling_auto.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES:
        raise ValueError(f"a model of the kind {short(kind, 40)}, which is none for semantic segmentation")
    configuration = automatic.CONFIG_MAPPING[kind](
        **{key: value for key, value in _plain(said).items() if key != "model_type"},
        num_labels=int(architecture["classes"]),
    )
    if hasattr(configuration, "use_auxiliary_head"):
        configuration.use_auxiliary_head = False  # its scores are not seen outside
    return configuration


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without what says nothing of the architecture; no backbone in it is fetched."""
    found = {key: value for key, value in said.items() if key not in _LEFT_OUT and not key.startswith("_")}
    found |= {key: _plain(value) for key, value in found.items() if isinstance(value, Mapping)}
    return found | ({"use_pretrained_backbone": False} if "use_pretrained_backbone" in found else {})


def _check(said: Mapping[str, Any]) -> None:
    """Refuse a configuration that asks for code, or that is too large to be one.

    Raises:
        ValueError: as it says.
    """
    layers = 0
    waiting: list[tuple[str, object]] = [("", said)]
    while waiting:
        name, value = waiting.pop()
        if name in _CODE and value:
            raise ValueError(f"{name}, which is not read")
        if isinstance(value, Mapping):
            waiting += [(str(key), inner) for key, inner in value.items() if key not in ("id2label", "label2id")]
        elif isinstance(value, list):
            waiting += [(name, inner) for inner in value]
        elif isinstance(value, int):
            layers += value if name.endswith(("depths", "layers", "blocks")) else 0
            if name == "num_channels" and value != _CHANNELS:
                raise ValueError(f"{name} {value} where images have {_CHANNELS}")
            if not -_MOST_NUMBER < value < _MOST_NUMBER or layers > _MOST_LAYERS:
                raise ValueError(f"{name} {value}")


def _pretrained(name: str, folder: Path, configuration: Any) -> tuple[Any, tuple[str, ...]]:
    """A model with the weights of a folder, and what of them was not there or is of no use.

    Raises:
        UserError: they cannot be read, or none of them fits.
    """
    found = _library().AutoModelForSemanticSegmentation
    try:
        with _quiet():
            model, told = found.from_pretrained(
                str(folder), config=configuration, dtype=torch.float32, use_safetensors=True, local_files_only=True,
                ignore_mismatched_sizes=True, output_loading_info=True,
            )  # fmt: skip
    except Exception as error:  # safetensors and transformers have errors of their own for every case
        if too_little_memory(error):
            raise
        raise UserError(
            name, got=f"weights that transformers cannot load ({type(error).__name__}: {short(error, 160)})",
            expected="what save_pretrained wrote", remedy="download the folder again",
        ) from error  # fmt: skip
    replaced = {key if isinstance(key, str) else key[0] for key in told["mismatched_keys"]}
    new, unused = sorted({*told["missing_keys"], *replaced}), sorted(told["unexpected_keys"])
    taken = len(model.state_dict()) - len(new)
    if taken <= 0:
        raise UserError(
            name, got="weights of which none is of this model", expected="those that belong to its configuration",
            remedy="download the folder again",
        )  # fmt: skip
    notes = [f"{name}: {taken} tensors are where the model begins"]
    notes += [f"{len(new)} begin at random ({_some(new)})"] if new else []
    notes += [f"{len(unused)} of the file are left out ({_some(unused)})"] if unused else []
    return model, ("; ".join(notes),)


def _some(names: Sequence[str]) -> str:
    return short(", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else ""), 200)


def _wrapped(
    model: Any, architecture: Mapping[str, Any], *, foreground: Sequence[int] | None, size: int | None
) -> OfTransformers:
    """A model as a segmenter, with what makes it again."""
    configuration = model.config
    kind = configuration.model_type
    kept: dict[str, Any] = {"config": _plain(configuration.to_dict())}
    kept |= {"bgr": True} if architecture.get("bgr") is True else {}
    looks = {key: architecture[key] for key in ("mean", "std") if key in architecture}
    side = getattr(configuration, "image_size", None)
    sides = None if kind in _ANY_SIZE or side is None else (side, side) if isinstance(side, int) else tuple(side)
    return OfTransformers(
        model, name=f"hf:{kind}", title=f"{type(configuration).__name__.removesuffix('Config')} of transformers",
        classes=int(architecture["classes"]), configuration=kept, fixed=sides, foreground=foreground, size=size,
        **looks,
    )  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps transformers from telling in its own way what the notes tell, and from drawing a bar of its own."""
    logging = _library().utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
