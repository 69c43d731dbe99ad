"""Any checkpoint → native, and a generator → rosinality's layout; what is written is run beside what was read."""

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ..addresses import shown
from ..errors import UserError, WorkError
from ..networks.alpha import AlphaNetwork, fits
from ..networks.segmenter import Segmenter
from ..networks.stylegan2 import Generator
from ..storage import atomic
from . import native, remote
from .assembly.assemble import first_not_finite
from .comparison import difference
from .kinds import KINDS, SPOKEN, Kind, Network, expected, with_article
from .layouts import reading, registry, rosinality
from .load import locate, read_alpha, read_generator, read_segmenter, result_of
from .native.cards import RECOMMENDED
from .onnx import writing as onnx_file
from .source import UNKNOWN_LICENCE, Source

Target = Literal["native", "rosinality", "onnx"]
TOLERANCE = 1e-4
"""How far the outputs before and after may be apart."""
_OWN_ENTRIES = ("format", "version", "generator", "alpha", "segmenter", "source")
_WRITTEN: Mapping[Target, tuple[Kind, ...]] = {"rosinality": ("generator",), "onnx": ("segmenter",)}
"""What alone a target has room for."""
_TARGETS: Mapping[str, Target] = {".pt": "rosinality", ".pth": "rosinality", ".onnx": "onnx"}
Networks = dict[Kind, tuple[Network, Source]]


_READERS: Mapping[Kind, Callable] = {
    "generator": read_generator,
    "alpha": read_alpha,
    "segmenter": read_segmenter,
}


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What was written."""

    source: str
    source_format: str
    out: str
    target: Target
    networks: tuple[Kind, ...]
    largest_difference: float
    """Between the outputs of the networks as read and as written, run once on the same codes."""
    notes: tuple[str, ...] = ()


def convert(
    path: str | Path,
    out: str | Path,
    *,
    target: Target | None = None,
    licence: str | None = None,
    overwrite: bool = False,
    allow_nan: bool = False,
) -> Conversion:
    """Convert a checkpoint and verify the result by running both once.

    Args:
        path: any checkpoint that ``load_generator`` or ``load_alpha`` reads; with both networks in it, both go.
        out: a folder for "native", a file for "rosinality" (generators) and "onnx" (segmenters).
        target: None takes "rosinality" where ``out`` ends in .pt or .pth, "onnx" where it ends in .onnx, else "native".
        licence: of the weights; None keeps what the source says.
        overwrite: replace networks that are there.

    Raises:
        UserError: it cannot be read, cannot be said in the target's layout, or ``out`` is taken.
        WorkError: what was written gives other images.
    """
    out = Path(out).expanduser()
    target = target or _TARGETS.get(out.suffix, "native")
    networks = _read_all(path, allow_nan)
    _check_room(out, target, networks, overwrite)
    if target == "native":
        _check_company(out, networks)
        difference, notes = _write_native(result_of(locate(path)), out, networks, licence, allow_nan), ()
    elif target == "onnx":
        difference, notes = _write_onnx(out, networks), ()
    else:
        difference, notes = _write_rosinality(out, networks, licence, allow_nan)
    sources = [source for _, source in networks.values()]
    return Conversion(
        source=shown(path),
        source_format=sources[0].format,
        out=shown(out),
        target=target,
        networks=_WRITTEN.get(target, tuple(networks)),
        largest_difference=difference,
        notes=(*(note for source in sources for note in source.notes), *notes),
    )


def _read_all(path: str | Path, allow_nan: bool) -> Networks:
    """Every network that a checkpoint holds, of each kind one."""
    found = result_of(locate(path))
    kinds: Sequence[Kind]
    if kind := native.kind_of(found):
        kinds = [kind]
    elif found.is_dir():
        kinds = [kind for kind in KINDS if native.network_file(found, kind)]
    else:
        with reading.opened(found, str(path)) as content:
            kinds = registry.kinds_in(content.data)
    # A file that holds neither is read as a generator, for the message that says what it is.
    wanted: Sequence[Kind] = kinds or ("generator",)
    return {kind: _READERS[kind](path, allow_nan=allow_nan) for kind in wanted}


def _check_room(out: Path, target: Target, networks: Networks, overwrite: bool) -> None:
    if target == "native":
        if out.exists() and not out.is_dir():
            raise UserError(
                str(out), got="a file of this name", expected="a folder to write into", remedy="choose another name"
            )
        taken = [file for kind in networks if (file := native.network_file(out, kind))]
    else:
        if out.is_dir():
            raise UserError(str(out), got="a folder", expected="a file to write", remedy="choose another name")
        taken = [out] if out.exists() else []
    if taken and not overwrite:
        raise UserError(
            str(taken[0]),
            got="a file that is there",
            expected="a free place",
            remedy="choose another or --overwrite it",
        )


def _check_company(out: Path, networks: Networks) -> None:
    """One folder means that its alpha network is for its generator."""
    together = {kind: network for kind, (network, _) in networks.items()}
    for kind in KINDS:
        if kind not in together and native.network_file(out, kind):
            together[kind] = native.read(out, kind, str(out))[0]
    if not {"generator", "alpha"} <= together.keys():
        return
    generator = expected(together["generator"], Generator).architecture.channels
    alpha = expected(together["alpha"], AlphaNetwork).channels
    if not fits(alpha, generator):
        raise UserError(
            str(out),
            got=f"a generator of {', '.join(map(str, generator))} channels and an alpha network for "
            f"{', '.join(map(str, alpha))}",
            expected="two that go together",
            remedy="choose another folder",
        )


def _write_native(found: Path, out: Path, networks: Networks, licence: str | None, allow_nan: bool) -> float:
    """Write a folder and give the largest difference of what is read back."""
    created = not out.exists()
    atomic.check_folder(out, f"out {out}")
    wanted: dict[Kind, Network] = {kind: network for kind, (network, _) in networks.items()}
    try:
        # Read back before it takes the place of what is there.
        with native.saving(out, wanted, _card_of(found, out, networks, licence)) as staged:
            return max(_verified(staged, kind, network, allow_nan) for kind, network in wanted.items())
    except BaseException:
        if created:
            with contextlib.suppress(OSError):
                out.rmdir()
        raise


def _card_of(found: Path, out: Path, networks: Networks, licence: str | None) -> dict:
    """What the card says beside the networks; where what was ``found``, or ``out``, has a card, that is kept."""
    card = {"name": out.name, "licence": UNKNOWN_LICENCE, "source": {}}
    for folder in (found.parent if native.kind_of(found) else found, out):
        if native.is_native(folder):
            earlier = native.read_card(folder)
            kept = {key: value for key, value in earlier.items() if key not in _OWN_ENTRIES}
            if (folder == out) == ("alpha" in networks):
                kept.pop(RECOMMENDED, None)  # it is about an alpha network that is not taken, or that is replaced
            # Of what is there already, the training of the networks that stay.
            if all(isinstance(c.get("training"), dict) for c in (kept, card)):
                kept["training"] |= card["training"]
            card |= kept | {"source": card["source"] | _by_kind(earlier)}
    for kind, (_, origin) in networks.items():
        if origin.format != "native":
            # The name of a local file, without the folders of one machine.
            name = origin.name if remote.is_remote(origin.name) else Path(origin.name).name
            entry = {"name": name, "format": origin.format, "sha256": origin.sha256, "notes": list(origin.notes)}
            card["source"] |= {kind: entry}
    if licence:
        card["licence"] = licence
    return card


def _by_kind(card: Mapping) -> dict:
    """Where each network of a card came from; a source that is said in one word holds for all of them."""
    source = card.get("source")
    if source is None or isinstance(source, dict):
        return source or {}
    return {kind: source for kind in KINDS if kind in card}


def _write_rosinality(
    out: Path, networks: Networks, licence: str | None, allow_nan: bool
) -> tuple[float, tuple[str, ...]]:
    """Write a file and give the difference of what is read back, and what the layout could not say."""
    if "generator" not in networks:
        raise UserError(
            str(out), got=f"{_with_articles(networks)} alone",
            expected="a generator: rosinality's layout has no place for others",
            remedy="convert it to a native folder",
        )  # fmt: skip
    generator = expected(networks["generator"][0], Generator)
    a = generator.architecture
    if a.z_dim != a.w_dim:
        raise UserError(
            str(out), got=f"a generator with z of {a.z_dim} and w of {a.w_dim}", expected="equal sizes in this layout",
            remedy="convert it to a native folder",
        )  # fmt: skip
    notes = []
    if a.conv_clamp is not None:
        notes.append(f"the layout cannot say conv_clamp {a.conv_clamp:g}; where activations reach it, images differ")
    notes += [
        f"the {SPOKEN[kind]} is left out; the layout has no place for it" for kind in networks if kind != "generator"
    ]
    if licence:
        notes.append("the layout has no place for the licence")
    content = io.BytesIO()
    torch.save({"g_ema": rosinality.state_dict(generator), "latent_avg": generator.w_avg}, content)
    with _beside(out, content.getbuffer()) as temporary:
        difference = _verified(temporary, "generator", generator, allow_nan)
    return difference, tuple(notes)


def _write_onnx(out: Path, networks: Networks) -> float:
    """Write a file and give the largest difference of the scores that onnxruntime finds with it."""
    if "segmenter" not in networks:
        raise UserError(
            str(out), got=f"{_with_articles(networks)} alone", expected="a segmenter to write as ONNX",
            remedy="name a run of train-segmenter or its final folder",
        )  # fmt: skip
    segmenter = expected(networks["segmenter"][0], Segmenter)
    with _beside(out, onnx_file.content(segmenter)) as temporary:
        difference = onnx_file.difference(segmenter, temporary)
        if difference > TOLERANCE:
            raise WorkError(f"the segmenter as ONNX gives other scores (by {difference:.2g}); nothing was written")
    return difference


@contextlib.contextmanager
def _beside(out: Path, content: bytes | memoryview) -> Iterator[Path]:
    """A file beside its place until it is verified, so that what is there is not lost to a failure."""
    atomic.check_file(out, f"out {out}")
    with atomic.replacing(out) as file:
        file.write(content)
        file.flush()
        yield Path(file.name)


def _with_articles(networks: Networks) -> str:
    return " and ".join(map(with_article, networks))


def _verified(out: Path, kind: Kind, network: Network, allow_nan: bool) -> float:
    """The difference of what was written, which is read back and run.

    Raises:
        UserError: the layout cannot say a conv_clamp, and that shows.
        WorkError: the outputs differ.
    """
    again = _READERS[kind](out, allow_nan=allow_nan)[0]
    found = difference(network, again)
    if found <= TOLERANCE or (allow_nan and first_not_finite(network)):
        return found
    if isinstance(network, Generator) and network.architecture != again.architecture:
        raise UserError(
            "conversion",
            got=f"a generator whose conv_clamp {network.architecture.conv_clamp:g} changes its images",
            expected="one whose activations stay below it, since rosinality's layout has no clamp",
            remedy="convert it to a native folder",
        )
    raise WorkError(f"{kind} as written gives other outputs than as read (by {found:.2g}); do not use it")
