"""Time of synthesis over the time of its bare convolutions: ``python -m benchmarks.synthesis``.

Bare convolutions are the 3×3 and 1×1 convolutions of the network, transposed where it doubles the
size, at the same shapes and with one weight for the whole batch; no modulation, noise, activation or
filter. The faster of the two memory layouts counts.
"""

import click
import torch
import torch.nn.functional as F

from benchmarks.timing import medians
from l4f_datagen.networks.inference import freeze
from l4f_datagen.networks.stylegan2 import Generator, GeneratorArchitecture
from l4f_datagen.process.memory import keep_freed_memory

SIZES = {
    "vessels 64 px": GeneratorArchitecture(channels=(128, 128, 96, 64, 32), z_dim=128, w_dim=128, mapping_layers=4),
    "vessels 128 px": GeneratorArchitecture(
        channels=(128, 128, 96, 64, 32, 16), z_dim=128, w_dim=128, mapping_layers=4
    ),
    "config-f 256 px": GeneratorArchitecture(channels=(512, 512, 512, 512, 512, 256, 128)),
}


def bare_convolutions(generator: Generator, batch: int, layout: torch.memory_format):
    """A function that runs the network's convolutions on inputs of their own."""
    calls = []

    def add(function, weight, size, **options):
        channels = weight.shape[0] if function is F.conv_transpose2d else weight.shape[1]
        x = torch.randn(batch, channels, size, size).contiguous(memory_format=layout)
        calls.append((function, x, weight.contiguous(memory_format=layout), options))

    for layer in generator.layers:
        size = layer.noise.shape[0]
        if layer.up:
            add(F.conv_transpose2d, layer.weight.transpose(0, 1), size // 2, stride=2)
        else:
            add(F.conv2d, layer.weight, size, padding=1)
    for level, to_rgb in enumerate(generator.to_rgb):
        add(F.conv2d, to_rgb.weight[:, :, None, None], 4 << level)
    return lambda: [function(x, weight, **options) for function, x, weight, options in calls]


@click.command()
@click.option("--batch", default=8, show_default=True)
@click.option("--only", type=click.Choice(list(SIZES)))
def main(batch: int, only: str | None) -> None:
    """Print one line per network."""
    keep_freed_memory()
    for name, architecture in SIZES.items():
        if only not in (None, name):
            continue
        generator = Generator(architecture).to(memory_format=torch.channels_last).requires_grad_(False)
        w = torch.randn(batch, architecture.w_dim)
        layouts = (torch.contiguous_format, torch.channels_last)
        with torch.inference_mode():
            frozen = freeze(generator)
            alternatives = [lambda g=frozen, w=w: g.synthesize(w)]
            alternatives += [bare_convolutions(generator, batch, layout) for layout in layouts]
            synthesis, *bare = medians(alternatives, rounds=100 if architecture.resolution <= 128 else 5)
        print(
            f"{name}: synthesis {synthesis * 1e3:.1f} ms, bare convolutions {min(bare) * 1e3:.1f} ms "
            f"(ratio {synthesis / min(bare):.2f}), batch {batch}, {torch.get_num_threads()} threads",
            flush=True,
        )


if __name__ == "__main__":
    main()
