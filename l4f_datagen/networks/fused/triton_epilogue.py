"""The kernel of ``kernels.run``. Imported where Triton is and a GPU asks for it."""

import triton  # pyright: ignore[reportMissingImports] - it need not be there
import triton.language as tl  # pyright: ignore[reportMissingImports] - it need not be there


@triton.jit
def _pixel(image, row, column, h, w, wanted):
    """Pixels of an image of planes (1, 16), at rows and columns (BP): (BP, 16); zero outside."""
    inside = (row >= 0) & (row < h) & (column >= 0) & (column < w)
    return tl.load(image + (row * w + column)[:, None], mask=inside[:, None] & wanted, other=0.0)


@triton.jit
def epilogue(
    y, scale, bias, noise, following, side, colour_style, colour_bias, before, map_bias,
    out, image, maps, overflowed,
    H, W, live, map_rows, noise_stride, scale_stride, following_stride, colour_stride, map_stride, clamp,
    C: tl.constexpr, BP: tl.constexpr, BC: tl.constexpr, SIDE: tl.constexpr, UP: tl.constexpr, NOISE: tl.constexpr,
    OUT: tl.constexpr, RGB: tl.constexpr, BEFORE: tl.constexpr, ALPHA: tl.constexpr, CLAMP: tl.constexpr,
    WHOLE: tl.constexpr,
):  # fmt: skip
    """BP pixels of one sample, BC channels at a time.

    y: (N, H, W, C), or with UP (N, H/2, W/2, 4, C); out (N, H, W, C); image, before and maps by planes.
    WHOLE: H·W is a multiple of BP; else the last program of a sample leaves out those of its pixels that are none.
    """
    n = tl.program_id(1)
    pixels = H * W
    p = tl.program_id(0) * BP + tl.arange(0, BP)
    real = p >= 0 if WHOLE else p < pixels
    i = p // W
    j = p - i * W
    column = tl.arange(0, SIDE)
    whole = n.to(tl.int64) * pixels  # a batch may have more numbers than 32 bits count
    place = ((i // 2) * (W // 2) + j // 2) * 4 + (i % 2) * 2 + j % 2 if UP else p
    acc = tl.zeros((BP, SIDE), tl.float32)
    bad = tl.zeros((BP,), tl.int32)
    for start in range(0, C, BC):
        c = start + tl.arange(0, BC)
        there = c < C
        block = real[:, None] & there[None, :]
        v = tl.load(y + whole * C + place[:, None] * C + c[None, :], mask=block, other=0.0).to(tl.float32)
        v = v * tl.load(scale + n * scale_stride + c, mask=there, other=0.0)[None, :]
        v += tl.load(bias + c, mask=there, other=0.0)[None, :]
        if NOISE:
            drawn = noise + n.to(tl.int64) * noise_stride + p
            v += (tl.load(drawn) if WHOLE else tl.load(drawn, mask=real, other=0.0))[:, None]
            v = tl.where(there[None, :], v, 0.0)
        # Comparisons with NaN are false.
        bad += tl.sum(tl.where(tl.abs(v) < 3.0e38, 0, 1), 1)
        v = tl.where(v > 0, v, v * 0.2)
        if CLAMP:
            v = tl.minimum(tl.maximum(v, -clamp), clamp)
        v = tl.where(n < live, v, 0.0)
        if OUT:
            x = v * tl.load(following + n * following_stride + c, mask=there, other=0.0)[None, :]
            narrow = x.to(out.dtype.element_ty)
            bad += tl.sum(tl.where(tl.abs(narrow.to(tl.float32)) < 3.0e38, 0, 1), 1)
            tl.store(out + whole * C + p[:, None] * C + c[None, :], narrow, mask=block)
        if RGB or ALPHA:
            weights = tl.load(side + c[:, None] * SIDE + column[None, :], mask=there[:, None], other=0.0)
            if RGB:
                style = tl.load(colour_style + n * colour_stride + c, mask=there, other=0.0)
                weights = tl.where(column[None, :] < 3, weights * style[:, None], weights)
            if y.dtype.element_ty == tl.float32:
                acc += tl.dot(v, weights, input_precision="ieee")
            else:
                acc += tl.dot(v.to(y.dtype.element_ty), weights.to(y.dtype.element_ty))
    if RGB or ALPHA:
        # The products take features and weights in the type of y, which may not hold them either.
        bad += tl.sum(tl.where(tl.abs(acc) < 3.0e38, 0, 1), 1)
    if RGB:
        colour = (column < 3)[None, :] & real[:, None]
        rgb = acc + tl.load(colour_bias + column, mask=column < 3, other=0.0)[None, :]
        if CLAMP:
            rgb = tl.minimum(tl.maximum(rgb, -clamp), clamp)
        if BEFORE:
            # The filter's phases weigh a pixel and its neighbour 3 : 1 along each axis; zeros lie outside.
            h = H // 2
            w = W // 2
            small = before + n.to(tl.int64) * 3 * h * w + column[None, :] * (h * w)
            near_row = i // 2
            near_col = j // 2
            far_row = near_row + 2 * (i % 2) - 1
            far_col = near_col + 2 * (j % 2) - 1
            rgb += 0.5625 * _pixel(small, near_row, near_col, h, w, colour)
            rgb += 0.1875 * _pixel(small, near_row, far_col, h, w, colour)
            rgb += 0.1875 * _pixel(small, far_row, near_col, h, w, colour)
            rgb += 0.0625 * _pixel(small, far_row, far_col, h, w, colour)
        tl.store(image + whole * 3 + column[None, :] * pixels + p[:, None], rgb, mask=colour)
    if ALPHA:
        map_column = (column >= 3) & (column < 6)
        seen = map_column & (n + 0 * column < map_rows)
        found = acc + tl.load(map_bias + column - 3, mask=map_column, other=0.0)[None, :]
        target = maps + n.to(tl.int64) * map_stride + (column[None, :] - 3) * pixels + p[:, None]
        kept = found.to(maps.dtype.element_ty)
        lost = seen[None, :] & (tl.abs(kept.to(tl.float32)) >= 3.0e38)
        bad += tl.sum(tl.where(lost, 1, 0), 1)
        tl.store(target, kept, mask=seen[None, :] & real[:, None])
    if tl.sum(bad, 0) > 0:  # pyright: ignore[reportOperatorIssue] - the sum of one tensor is one
        tl.store(overflowed, 1)
