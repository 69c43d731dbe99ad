"""Tells by their names which files of a folder or an archive are photographs."""

from collections.abc import Collection

PICTURES = frozenset((
    "jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "webp", "bmp", "tif", "tiff", "gif",
))  # fmt: skip
"""Extensions, in lower case."""
USUAL = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif")
"""The extensions that error messages name."""
VIDEOS = frozenset((
    "mp4", "mov", "avi", "mkv", "webm", "m4v", "mpg", "mpeg", "wmv", "flv", "ogv", "3gp",
))  # fmt: skip
"""Extensions of videos."""
OTHER_PICTURES = VIDEOS | frozenset((
    "heic", "heif", "avif", "svg", "pdf", "eps", "ps", "ai", "psd", "xcf", "jp2", "j2k", "jxl", "jxr", "pgm",
    "ppm", "pbm", "pnm", "exr", "hdr", "dds", "tga", "ico", "raw", "dng", "cr2", "cr3", "nef", "arw", "orf",
    "rw2", "raf", "pef", "srw", "npy", "npz", "dcm", "nii", "fits",
))  # fmt: skip
"""Extensions of pictures that are not read here; files that have them are named when they are left out."""
_HIDDEN = frozenset(
    ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information",
     "lost+found")
)  # fmt: skip
_IMAGE_FOLDERS = frozenset(("images", "image", "imgs", "img", "jpegimages", "data"))
_LABEL_FOLDERS = frozenset((
    "masks", "mask", "alphas", "alpha", "labels", "label", "annotations", "segmentations", "segmentationclass",
    "segmentationobject", "trimaps", "cutouts",
))  # fmt: skip
_LABELS = frozenset((
    "mask", "masks", "alpha", "foreground", "background", "cutout", "seg", "segmentation", "label", "labels", "matte",
    "trimap",
))  # fmt: skip
_LABEL_ENDS = ("_mask", "-mask", "_alpha", "-alpha")


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is there for a program's own use, as people see it."""
    return name.startswith(".") or name.lower() in _HIDDEN


def extension(name: str) -> str:
    """What follows the last dot of a path's last part, in lower case; "" without one."""
    stem, _, after = name.rpartition("/")[2].rpartition(".")
    return after.lower() if stem else ""


def stem(name: str) -> str:
    """A path without its extension."""
    return name[: -len(after) - 1] if (after := extension(name)) else name


def label_folders(siblings: Collection[str]) -> set[str]:
    """The folders among ``siblings`` that hold the labels of another one, as ``masks`` beside ``images``."""
    if not any(name.lower() in _IMAGE_FOLDERS for name in siblings):
        return set()
    return {name for name in siblings if name.lower() in _LABEL_FOLDERS}


def is_label(name: str, siblings: Collection[str]) -> bool:
    """Whether a picture of this name is the label of another: KEY.mask.png, or KEY_mask.png beside KEY.jpg.

    Args:
        siblings: paths without extension of all pictures that are there.
    """
    own = stem(name)
    if extension(own) in _LABELS:
        return True
    return any(own.lower().endswith(end) and own[: -len(end)] in siblings for end in _LABEL_ENDS)
