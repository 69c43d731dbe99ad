"""Pictures of every kind that people bring, made here: file contents, and what they show."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, TiffImagePlugin

HEIGHT, WIDTH = 12, 16
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
GREY = (8 * ROWS + 9 * COLUMNS).astype(np.uint8)
COLOURS = np.stack([GREY, 255 - GREY, np.roll(GREY, 3, 1)], -1)


def encoded(image: Image.Image | np.ndarray, file_format: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(out, file_format, **options)
    return out.getvalue()


def png(values: np.ndarray, *, depth: int, colour: int, chunks: bytes = b"") -> bytes:
    """A PNG of any depth and colour type: ``values`` H×W×C, which Pillow would not write."""
    height, width = values.shape[:2]
    rows = values.astype(">u2" if depth == 16 else np.uint8).reshape(height, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunks + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiff(values: np.ndarray, *, big_endian: bool = False, bits: int | None = None, tags: dict | None = None) -> bytes:
    """An uncompressed TIFF of any numbers: ``values`` H×W×C."""
    height, width, channels = values.shape
    order = ">" if big_endian else "<"
    bits = bits or 8 * values.dtype.itemsize
    raw = values.astype(values.dtype.newbyteorder(order)).tobytes() if bits != 12 else packed_12(values)
    entries = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [bits] * channels), 259: (3, [1]),
        262: (3, [2 if channels >= 3 else 1]), 273: (4, [8]), 277: (3, [channels]), 278: (4, [height]),
        279: (4, [len(raw)]), 339: (3, [{"u": 1, "i": 2, "f": 3}[values.dtype.kind]] * channels), **(tags or {}),
    }  # fmt: skip
    extra_at = 8 + len(raw) + len(raw) % 2 + 2 + 12 * len(entries) + 4
    directory, extra = struct.pack(order + "H", len(entries)), b""
    for tag, (kind, numbers) in sorted(entries.items()):
        content = struct.pack(f"{order}{len(numbers)}{'H' if kind == 3 else 'I'}", *numbers)
        if len(content) > 4:
            place, extra = struct.pack(order + "I", extra_at + len(extra)), extra + content
        else:
            place = content.ljust(4, b"\0")
        directory += struct.pack(order + "HHI", tag, kind, len(numbers)) + place
    start = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(order + "I", 8 + len(raw) + len(raw) % 2)
    return start + raw + b"\0" * (len(raw) % 2) + directory + bytes(4) + extra


def packed_12(values: np.ndarray) -> bytes:
    """Two numbers of 12 bits in three bytes."""
    first, second = values.reshape(-1, 2).astype(np.uint32).T
    numbers = first << 12 | second
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1).astype(np.uint8).tobytes()


def with_alpha(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.dstack([values, alpha])


def on_white(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = (alpha / 255)[..., None]
    return np.round(values * share + 255 * (1 - share)).astype(np.uint8)


def hide(values: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    return np.where(hidden[..., None], 255, values).astype(np.uint8)


ALPHA = np.where(COLUMNS < 5, 0, np.where(COLUMNS < 9, 128, 255)).astype(np.uint8)
GREY_RGB = np.dstack([GREY] * 3)
DEEP = GREY.astype(np.uint16) * 256 + ROWS.astype(np.uint16)


def indexed(transparency=None) -> tuple[bytes, np.ndarray]:
    palette, indices = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (9, 9, 9)], GREY // 64
    image = Image.frombytes("P", (WIDTH, HEIGHT), indices.tobytes())
    image.putpalette([value for colour in palette for value in colour])
    shown = np.array(palette, np.uint8)[indices]
    if transparency is not None:
        shown[indices == transparency] = 255
        return encoded(image, transparency=transparency), shown
    return encoded(image), shown


def turned(orientation: int, file_format: str = "PNG") -> tuple[bytes, np.ndarray]:
    """A picture stored as a camera would that was held so: what is looked at is ``COLOURS``."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    methods = Image.Transpose
    back = {
        2: methods.FLIP_LEFT_RIGHT, 3: methods.ROTATE_180, 4: methods.FLIP_TOP_BOTTOM, 5: methods.TRANSPOSE,
        6: methods.ROTATE_90, 7: methods.TRANSVERSE, 8: methods.ROTATE_270,
    }  # fmt: skip
    image = Image.fromarray(COLOURS)
    stored = image.transpose(back[orientation]) if orientation in back else image
    if file_format == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[0x0112] = orientation
        return encoded(stored, "TIFF", tiffinfo=tags), COLOURS
    return encoded(stored, file_format, exif=exif, **({"lossless": True} if file_format == "WEBP" else {})), COLOURS


def frames(file_format: str, **options) -> bytes:
    first, second = (Image.fromarray(a) for a in (COLOURS, 255 - COLOURS))
    if file_format == "GIF":
        first, second = (Image.fromarray(a) for a in (GREY, 255 - GREY))
    return encoded(first, file_format, save_all=True, append_images=[second], **options)


def jpeg_shown(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def _jpegs() -> dict[str, tuple[bytes, np.ndarray]]:
    smooth = Image.fromarray(COLOURS)
    found = {
        "jpeg": encoded(smooth, "JPEG"),
        "progressive jpeg": encoded(smooth, "JPEG", progressive=True),
        "grey jpeg": encoded(GREY, "JPEG"),
        "cmyk jpeg": encoded(smooth.convert("CMYK"), "JPEG"),
        "mpo": frames("MPO"),
        "lossy webp": encoded(smooth, "WEBP"),
        "jpeg in tiff": encoded(smooth, "TIFF", compression="jpeg"),
    }
    return {name: (content, jpeg_shown(content)) for name, content in found.items()}


def _deep() -> dict[str, tuple[bytes, np.ndarray]]:
    deep = DEEP[..., None]
    colours = COLOURS.astype(np.uint16) * 256 + 7
    alpha = ALPHA.astype(np.uint16) * 257
    twelve = DEEP[..., None] >> 4
    return {
        "16-bit grey png": (png(deep, depth=16, colour=0), GREY_RGB),
        "16-bit grey png by pillow": (encoded(Image.fromarray(DEEP)), GREY_RGB),
        "16-bit rgb png": (png(colours, depth=16, colour=2), COLOURS),
        "16-bit rgba png": (png(np.dstack([colours, alpha]), depth=16, colour=6), on_white(COLOURS, ALPHA)),
        "16-bit la png": (png(np.dstack([DEEP, alpha]), depth=16, colour=4), on_white(GREY_RGB, ALPHA)),
        "16-bit grey tiff": (tiff(deep), GREY_RGB),
        "16-bit grey big-endian tiff": (tiff(deep, big_endian=True), GREY_RGB),
        "16-bit grey lzw tiff": (encoded(Image.fromarray(DEEP), "TIFF", compression="tiff_lzw"), GREY_RGB),
        "16-bit grey tiff, white is 0": (tiff(65535 - deep, tags={262: (3, [0])}), GREY_RGB),
        "16-bit rgb tiff": (tiff(colours), COLOURS),
        "16-bit rgb big-endian tiff": (tiff(colours, big_endian=True), COLOURS),
        "12-bit grey tiff": (tiff(twelve, bits=12), GREY_RGB),
        "16-bit grey png, one grey transparent": (
            png(deep, depth=16, colour=0, chunks=chunk(b"tRNS", struct.pack(">H", int(DEEP[3, 3])))),
            hide(GREY_RGB, np.equal(DEEP, DEEP[3, 3])),
        ),
    }


def _plain() -> dict[str, tuple[bytes, np.ndarray]]:
    image = Image.fromarray(COLOURS)
    bits = Image.fromarray(GREY > 99)
    return {
        "png": (encoded(image), COLOURS),
        "grey png": (encoded(GREY), GREY_RGB),
        "1-bit png": (encoded(bits), np.dstack([np.uint8(255) * (GREY > 99)] * 3).astype(np.uint8)),
        "indexed png": indexed(),
        "webp": (encoded(image, "WEBP", lossless=True), COLOURS),
        "bmp": (encoded(image, "BMP"), COLOURS),
        "tiff": (encoded(image, "TIFF"), COLOURS),
        "deflated tiff": (encoded(image, "TIFF", compression="tiff_adobe_deflate"), COLOURS),
        "grey gif": (encoded(GREY, "GIF"), GREY_RGB),
        "cmyk tiff": (encoded(image.convert("CMYK"), "TIFF"), COLOURS),
        "png with exif and no orientation": turned(1),
        **{f"png turned {turn}": turned(turn) for turn in range(2, 9)},
        "webp turned 6": turned(6, "WEBP"),
        "tiff turned 3": turned(3, "TIFF"),
        "tiff turned 6": turned(6, "TIFF"),
        "tiff turned 8": turned(8, "TIFF"),
        "animated png": (frames("PNG"), COLOURS),
        "animated webp": (frames("WEBP", lossless=True), COLOURS),
        "animated gif": (frames("GIF"), GREY_RGB),
        "tiff of two pages": (frames("TIFF"), COLOURS),
    }


def _transparent() -> dict[str, tuple[bytes, np.ndarray]]:
    rgba, la = Image.fromarray(np.dstack([COLOURS, ALPHA])), Image.fromarray(np.dstack([GREY, ALPHA]))
    opaque = np.dstack([COLOURS, np.full_like(ALPHA, 255)])
    key = tuple(int(value) for value in COLOURS[2, 2])
    keyed = np.equal(COLOURS, key).all(-1)
    return {
        "rgba png": (encoded(rgba), on_white(COLOURS, ALPHA)),
        "rgba webp": (encoded(rgba, "WEBP", lossless=True, exact=True), on_white(COLOURS, ALPHA)),
        "rgba tiff": (encoded(rgba, "TIFF"), on_white(COLOURS, ALPHA)),
        "la png": (encoded(la), on_white(GREY_RGB, ALPHA)),
        "opaque rgba png": (encoded(Image.fromarray(opaque)), COLOURS),
        "indexed png, one colour transparent": indexed(2),
        "rgb png, one colour transparent": (encoded(COLOURS, transparency=key), hide(COLOURS, keyed)),
    }


WHOLE: dict[str, tuple[bytes, np.ndarray]] = {**_plain(), **_jpegs(), **_deep(), **_transparent()}
"""Name → file, and the RGB that it shows (one level of rounding apart where there is transparency)."""

_FLOATS, _INTEGERS = (GREY / 255).astype(np.float32)[..., None], GREY.astype(np.int32)[..., None] << 16
_JPEG = encoded(COLOURS, "JPEG")

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "an empty file"),
    "zeros": (bytes(999), "a file of zeros"),
    "float tiff": (tiff(_FLOATS), "floating-point"),
    "double tiff": (tiff(_FLOATS.astype(np.float64)), "64 bits, floating-point"),
    "64-bit tiff": (tiff(_INTEGERS.astype(np.int64)), "64 bits, signed"),
    "two channels of 16 bits": (tiff(np.dstack([DEEP, DEEP])), "2 × 16 bits, whole"),
    "32-bit tiff": (tiff(_INTEGERS), "32-bit integers"),
    "unsigned 32-bit tiff": (tiff(_INTEGERS.astype(np.uint32)), "32-bit integers"),
    "signed 8-bit tiff": (tiff(GREY.astype(np.int8)[..., None]), "signed numbers"),
    "colours of 16 bits by planes": (
        tiff(DEEP[..., None], tags={258: (3, [16] * 3), 262: (3, [2]), 273: (4, [8] * 3), 277: (3, [3]),
                                    279: (4, [2 * DEEP.size] * 3), 284: (3, [2])}), "by planes"),
    "signed 16-bit tiff": (tiff(DEEP.astype(np.int16)[..., None]), "32-bit integers"),
    "pdf": (b"%PDF-1.4 ...", "a PDF document"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n", "PostScript"),
    "dos eps": (b"\xc5\xd0\xd3\xc6" + bytes(99), "an EPS file"),
    "pgm": (b"P5 4 4 255\n" + bytes(16), "a PNM file"),
    "svg": (b"<?xml version='1.0'?>\n<!-- drawn --><svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
    "html": (b"<!DOCTYPE html><html><body>404</body></html>", "an HTML page"),
    "text": (b"not found\n", "no image of a known kind"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a Git LFS pointer"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99), "a HEIC file"),
    "avif": (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(99), "an AVIF file"),
    "video": (b"\0\0\0\x18ftypisom\0\0\0\0mp42" + bytes(99), "a video"),
    "jpeg 2000": (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99), "a JPEG 2000 file"),
    "jpeg xl": (b"\xff\x0a" + bytes(99), "a JPEG XL file"),
    "psd": (b"8BPS\0\1" + bytes(99), "a Photoshop file"),
    "icon": (b"\0\0\1\0\1\0" + bytes(99), "an icon"),
    "cr2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(99), "RAW"),
    "dng": (tiff(COLOURS, tags={50706: (4, [1])}), "RAW"),
    "thumbnail of a raw": (tiff(COLOURS, tags={254: (4, [1]), 330: (4, [8])}), "RAW"),
    "zip": (b"PK\3\4" + bytes(99), "a zip archive"),
    "tar": (b"a.png".ljust(257, b"\0") + b"ustar\x0000" + bytes(247), "a tar archive"),
    "parquet": (b"PAR1" + bytes(99), "a Parquet file"),
    "appledouble": (b"\0\5\x16\7" + bytes(99), "AppleDouble"),
    "cut jpeg": (_JPEG[:-9], "truncated"),
    "unwritten end of a jpeg": (_JPEG[:-9].ljust(4096, b"\0"), "never written"),
    "cut png": (encoded(COLOURS)[:-30], "truncated"),
    "cut tiff": (encoded(COLOURS, "TIFF")[:-99], ""),
    "cut webp": (encoded(COLOURS, "WEBP")[:-9], ""),
    "cut gif": (encoded(GREY, "GIF")[:-30], "truncated"),
    "cut bmp": (encoded(COLOURS, "BMP")[:-30], "truncated"),
    "head of a png": (encoded(COLOURS)[:20], ""),
    "huge png": (png(np.zeros((1, 1, 1), np.uint8), depth=8, colour=0).replace(
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        chunk(b"IHDR", struct.pack(">IIBBBBB", 13000, 13000, 8, 0, 0, 0, 0))), "L4F_MAX_PIXELS"),
}  # fmt: skip
"""Name → file that is refused, and words of the reason."""
