"""One picture: what is made of its mode, its orientation, its transparency, its size, and of bytes that are none."""

import io

import numpy as np
import pytest
from PIL import Image

from runner.data.images import pictures
from runner.data.images.pictures import PictureFault, decoded, looked_at
from tests.data.images.conftest import picture


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        (picture(120, mode="L"), (120, 120, 120)),
        (picture(1, mode="1"), (255, 255, 255)),
        (picture((120, 0), mode="LA"), (255, 255, 255)),
        (picture((0, 0, 0, 0), mode="RGBA"), (255, 255, 255)),
        (picture((10, 20, 30, 255), mode="RGBA"), (10, 20, 30)),
        (picture(257 * 100, mode="I;16"), (100, 100, 100)),
        (picture((0, 0, 0, 0), mode="CMYK", form="TIFF"), (255, 255, 255)),
    ],
    ids=["grey", "one bit", "grey, clear", "clear", "opaque", "16 bits", "CMYK"],
)
def test_every_mode_becomes_rgb_and_what_is_clear_is_white(data, colour):
    image = decoded(data)
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), np.broadcast_to(np.array(colour, np.uint8), (6, 8, 3)))


def test_a_transparent_palette_is_laid_on_white():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 90, 80, 70])
    file = io.BytesIO()
    image.save(file, "PNG", transparency=1)
    assert decoded(file.getvalue()).getpixel((0, 0)) == (255, 255, 255)


def test_a_picture_is_turned_as_its_exif_says():
    image = Image.new("RGB", (40, 20), (9, 9, 9))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    header = looked_at(file.getvalue())
    assert (header.width, header.height) == (20, 40)
    assert decoded(file.getvalue()).size == (20, 40)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken_and_the_frames_are_told(form):
    frames = [Image.new("RGB", (6, 6), (shade, 0, 0)) for shade in (250, 10)]
    file = io.BytesIO()
    words = {"lossless": True} if form == "WEBP" else {}
    frames[0].save(file, form, save_all=True, append_images=frames[1:], **words)
    assert looked_at(file.getvalue()).frames == 2
    assert decoded(file.getvalue()).getpixel((0, 0))[0] > 200


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_what_is_cut_off_is_no_picture(form):
    rng = np.random.default_rng(1)
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(file, form)
    whole = file.getvalue()
    looked_at(whole)
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(PictureFault) as fault:
            looked_at(whole[: int(len(whole) * share)])
        assert fault.value.reason == "unreadable"


@pytest.mark.parametrize("data", [b"", b"a note", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"%PDF-1.7\n", b"<svg/>"])
def test_what_is_no_picture_is_said_to_be_none(data):
    with pytest.raises(PictureFault, match=r"empty|no picture"):
        looked_at(data)


def test_pixels_that_are_fractions_are_refused_by_a_look_as_well():
    data = picture(0.5, mode="F", form="TIFF")
    for read in (looked_at, decoded):
        with pytest.raises(PictureFault, match="its pixels are fractions"):
            read(data)


def test_a_header_that_claims_too_many_pixels_is_refused_before_any_is_decoded(monkeypatch):
    with pytest.raises(PictureFault, match="900,000,000 pixels") as fault:
        looked_at(claiming(30_000, 30_000))
    assert fault.value.reason == "too_large"
    with pytest.raises(PictureFault, match="100,000,000 pixels"):
        decoded(claiming(10_000, 10_000))
    monkeypatch.setattr(pictures, "MOST_PIXELS", 40)
    with pytest.raises(PictureFault, match="48 pixels, and at most 40"):
        looked_at(picture())


def claiming(width, height):
    """A PNG whose header says so."""
    data = bytearray(picture())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)
