"""Changes of pictures in training: each by its own draws, within what the section allows."""

import numpy as np
import pytest
from PIL import Image

from runner.builders.vision._fields.picture_spec import CropAugmentation, PictureAugmentation
from runner.builders.vision._pixels.augmenting import changed, cuts_out, part


def ramp(width=20, height=12):
    """A picture whose every column has a shade of its own."""
    return Image.fromarray(np.tile((np.arange(width) * 10).astype(np.uint8), (height, 1))).convert("RGB")


def many(section, count=200, image=None):
    image = image or ramp()
    return [(changed(image, section, (8, 8), 2, np.random.default_rng(at)), cuts_out(section)) for at in range(count)]


def test_a_part_is_at_least_as_large_as_said_and_of_an_allowed_shape():
    rng = np.random.default_rng(0)
    for size in ((64, 48), (48, 64), (50, 50)):
        boxes = np.array([part(size, 0.4, rng) for _ in range(300)])
        wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        assert (boxes >= 0).all() and (boxes[:, 2] <= size[0]).all() and (boxes[:, 3] <= size[1]).all()
        shares = wide * high / (size[0] * size[1])
        assert shares.min() > 0.38 and shares.max() > 0.8
        assert (wide / high).min() > 0.7 and (wide / high).max() < 1.4


def test_a_picture_too_thin_for_any_allowed_shape_gives_its_middle():
    assert part((100, 10), 1.0, np.random.default_rng(0)) == (43, 0, 56, 10)


def test_a_cut_picture_has_the_models_size_and_a_whole_one_its_own():
    assert {(image.size, sized) for image, sized in many(CropAugmentation())} == {((8, 8), True)}
    assert {(image.size, sized) for image, sized in many(PictureAugmentation())} == {((20, 12), False)}


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_so_many_pictures_are_mirrored(share):
    left = [image.getpixel((0, 0))[0] for image, _ in many(PictureAugmentation(flip=share), 400)]
    assert abs(np.mean(np.array(left) == 190) - share) < 0.08


def test_colour_moves_brightness_within_its_bounds_and_none_leaves_the_pixels():
    grey = Image.new("RGB", (4, 4), (100, 100, 100))
    plain = [image.getpixel((0, 0))[0] for image, _ in many(PictureAugmentation(flip=0), 50, grey)]
    moved = [image.getpixel((0, 0))[0] for image, _ in many(PictureAugmentation(flip=0, colour=0.2), 200, grey)]
    assert set(plain) == {100}
    assert min(moved) in range(79, 86) and max(moved) in range(115, 122)


def test_the_same_draws_make_the_same_picture():
    section = CropAugmentation(colour=0.3)
    first, second = ([np.asarray(image) for image, _ in many(section, 20)] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len({image.tobytes() for image in first}) == 20
