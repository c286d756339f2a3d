"""One picture from its bytes: what its header says, and its pixels as 8-bit RGB, turned as its EXIF says.

The rules are the same in training and in use. A picture is turned as its EXIF orientation says; of an animation the
first frame is taken; transparency is laid on white; 16-bit grey is divided by 257; palettes, grey, CMYK and others
become RGB as Pillow converts them. A picture of more pixels than :data:`MOST_PIXELS` is not decoded, and one
that is cut off is not filled up.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from runner.errors import EnvironmentProblem

#: What Pillow begins to warn at: a quarter of a GiB of RGB.
MOST_PIXELS = 89_478_485
#: Formats that are read. Others of Pillow's start programs, or hold drawings.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000")
#: What the end of a file's name says of it, in lower case: it is meant as a picture.
SUFFIXES = frozenset(
    (
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".ppm",
        ".pgm", ".pbm", ".pnm", ".avif", ".jp2", ".heic", ".heif", ".jxl",
    )
)  # fmt: skip
#: What Pillow raises for bytes that are no whole picture.
BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError,
    AttributeError, struct.error, zlib.error,
)  # fmt: skip
#: Of 65,536 shades; what has none of them above is 8 bits that were written as more.
DARKEST = 256
#: The longest side that a look at a JPEG decodes: the bytes are all read, and few pixels made.
GLANCE = 64


class PictureFault(Exception):
    """Why a picture cannot be used: ``reason``, a word to count by, and a few words."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = reason, message


@dataclass(frozen=True)
class Header:
    """What a picture says of itself."""

    format: str
    mode: str
    #: As it stands, after it was turned.
    width: int
    height: int
    #: Frames; 1 of a still picture.
    frames: int = 1
    #: Whether its pixels are of 16 bits or more, and all so small that the picture becomes black.
    black: bool = False


def looked_at(data: bytes) -> Header:
    """The header of a picture all of whose bytes can be decoded. Raises :class:`PictureFault`."""
    with _opened(data) as image:
        header = _header(image)
        try:
            if image.format in ("JPEG", "MPO"):
                image.draft("RGB", (GLANCE, GLANCE))
            image.load()
            deep = image.mode.startswith("I")
            return replace(header, black=deep and 0 < image.getextrema()[1] < DARKEST)
        except BROKEN as error:
            raise _broken(error) from None


def decoded(data: bytes) -> Any:
    """The picture as a ``PIL.Image`` of mode RGB. Raises :class:`PictureFault`."""
    from PIL import ImageOps

    with _opened(data) as image:
        _header(image)
        try:
            image.load()
            return _rgb(ImageOps.exif_transpose(image))
        except BROKEN as error:
            raise _broken(error) from None


def is_picture(data: bytes) -> bool:
    """Whether the bytes begin as a picture does."""
    try:
        with _opened(data):
            return True
    except PictureFault as fault:
        return fault.reason == "too_large"


def _header(image: Any) -> Header:
    """Raises :class:`PictureFault` for too many pixels, before any is decoded."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_large(width * height)
    if not width or not height:
        raise PictureFault("unreadable", "it has no pixel")
    if image.mode == "F":
        raise PictureFault("unreadable", "its pixels are fractions, of which no range is known")
    # A phone's picture may hold a second one, which is no animation.
    frames = 1 if image.format in ("JPEG", "MPO") else _frames(image)
    try:
        # Of some formats it lies behind the pixels.
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except BROKEN as error:
        raise _broken(error) from None
    return Header(image.format, image.mode, *((height, width) if turned else (width, height)), frames)


def _frames(image: Any) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except BROKEN as error:
        raise _broken(error) from None


def _opened(data: bytes) -> Any:
    pillow, formats = _pillow()
    if not data:
        raise PictureFault("unreadable", "the file is empty")
    try:
        return pillow.open(io.BytesIO(data), formats=formats)
    except pillow.DecompressionBombError as error:
        pixels = re.search(r"\d{4,}", str(error))
        raise _too_large(int(pixels.group()) if pixels else None) from None
    except BROKEN as error:
        known = data[:4] in (b"\x89PNG", b"GIF8", b"RIFF") or data[:2] in (b"\xff\xd8", b"BM")
        if known and not type(error).__name__.startswith("Unidentified"):
            raise _broken(error) from None
        raise PictureFault(
            "unreadable", "it is damaged" if known else "it is no picture of a kind that is read"
        ) from None


def _too_large(pixels: int | None) -> PictureFault:
    told = "too many" if pixels is None else f"{pixels:,}"
    return PictureFault("too_large", f"it has {told} pixels, and at most {MOST_PIXELS:,} are decoded")


def _broken(error: BaseException) -> PictureFault:
    said = (str(error) or type(error).__name__).splitlines()[0][:120]
    if "truncated" in said.lower() or isinstance(error, EOFError):
        return PictureFault("unreadable", f"it is cut off: {said}")
    return PictureFault("unreadable", f"it is damaged: {said}")


def _rgb(image: Any) -> Any:
    """The picture as RGB; see the module's rules."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode == "I":
        import numpy as np

        image = Image.fromarray(np.clip(np.asarray(image).astype(np.int64) // 257, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")


@cache
def _pillow() -> tuple[Any, list[str]]:
    """The library, silent about sizes, which are asked here, and the formats that it was built with.

    Raises :class:`EnvironmentProblem` where it is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise EnvironmentProblem(
            "reading pictures needs the package pillow", hint="pip install 'runner[train]'"
        ) from None
    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")
    Image.init()
    return Image, [name for name in FORMATS if name in Image.OPEN]
