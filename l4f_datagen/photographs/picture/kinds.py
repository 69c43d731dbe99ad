"""What a file is, by its first bytes: a picture that is read here, or something else that has a name."""

from types import MappingProxyType

READ = MappingProxyType(
    {"jpg": ("JPEG",), "png": ("PNG",), "webp": ("WEBP",), "bmp": ("BMP",), "tif": ("TIFF",), "gif": ("GIF",)}
)
"""The kinds that are read, with Pillow's names for them. None of these readers starts another program."""
NAMES = "JPEG, PNG, WebP, BMP, TIFF or GIF"
HEAD_BYTES = 1024
"""How many bytes at the start of a file tell every kind."""

_READ_BY_START = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
    (b"II+\0", "tif"),
    (b"MM\0+", "tif"),
)
_OTHERS_BY_START = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript program"),
    (b"\xc5\xd0\xd3\xc6", "an EPS file"),
    (b"8BPS", "a Photoshop file"),
    (b"gimp xcf", "a GIMP file"),
    (b"FUJIFILMCCD-RAW", "a camera's RAW file"),
    (b"IIRO", "a camera's RAW file"),
    (b"IIU\0", "a camera's RAW file"),
    (b"FOVb", "a camera's RAW file"),
    (b"\0MRM", "a camera's RAW file"),
    (b"II\xbc", "a JPEG XR file"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file"),
    (b"\xff\x0a", "a JPEG XL file"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file"),
    (b"\x76\x2f\x31\x01", "an OpenEXR file"),
    (b"#?R", "a Radiance HDR file"),
    (b"DDS ", "a DDS texture"),
    (b"qoif", "a QOI file"),
    (b"\0\0\1\0", "an icon"),
    (b"\0\0\2\0", "a cursor"),
    (b"icns", "an icon"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"FLV\1", "a video"),
    (b"\0\0\1\xba", "a video"),
    (b"\0\0\1\xb3", "a video"),
    (b"PK\3\4", "a zip archive"),
    (b"PK\5\6", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a", "a rar archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a program"),
    (b"\0\5\x16\7", "a side file of macOS (AppleDouble)"),
    (b"version https://git-lfs", "a Git LFS pointer, whose content was not fetched"),
)
_BRANDS = (
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "a HEIC file"),
    ((b"avif", b"avis"), "an AVIF file"),
    ((b"crx ",), "a camera's RAW file"),
)
_NO_PICTURES = (
    "empty", "zeros", "archive", "Parquet", "program", "database", "HTML", "XML", "pointer", "side file", "cursor",
    "HDF5",
)  # fmt: skip
_TEXTS = ((b"<svg", "an SVG drawing"), (b"<html", "an HTML page"), (b"<!doctype html", "an HTML page"))


def kind_of(content: bytes) -> str | None:
    """The kind of a file of which ``content`` is the start, one of ``READ``; None if it is none of them."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[8:10] == b"CR" and content[:2] in (b"II", b"MM"):
        return None
    return next((kind for start, kind in _READ_BY_START if content.startswith(start)), None)


def other_kind(content: bytes) -> str | None:
    """What a file is that is not read here, in words; None if nobody knows."""
    content = content[:HEAD_BYTES]
    if not content:
        return "an empty file"
    if not any(content):
        return "a file of zeros"
    if content[4:8] == b"ftyp":
        return next((name for brands, name in _BRANDS if content[8:12] in brands), "a video")
    if content[:4] == b"RIFF":
        return "a video" if content[8:12] == b"AVI " else "a RIFF file of another kind"
    if content[8:10] == b"CR" and content[:2] == b"II":
        return "a camera's RAW file"
    if content[:1] == b"P" and content[1:2] in b"1234567" and content[2:3].isspace():
        return "a PNM file (PGM, PPM, PBM)"
    if content[128:132] == b"DICM":
        return "a DICOM file"
    if content[257:262] == b"ustar":
        return "a tar archive"
    if found := next((name for start, name in _OTHERS_BY_START if content.startswith(start)), None):
        return found
    return _text(content)


def is_picture(other: str) -> bool:
    """Whether what ``other_kind`` says is a picture or a film of another kind, which can be converted."""
    return not any(word in other for word in _NO_PICTURES)


def _text(content: bytes) -> str | None:
    lowered = content.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if found := next((name for word, name in _TEXTS if lowered.startswith(word)), None):
        return found
    if lowered.startswith((b"<?xml", b"<!--", b"<!doctype")):
        return next((name for word, name in _TEXTS if word in lowered), "an XML file")
    return None
