import numpy as np
import pytest

from dcgan.pictures.profiles import from_srgb, is_grey_profile, profile_problem, to_grey, to_srgb
from tests import profiles

RAMP = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
COLORS = np.random.default_rng(0).integers(60, 200, (1, 500, 3)).astype(np.uint8)


def test_which_profiles_can_be_used():
    assert [profile_problem(profile()) for profile in (profiles.srgb, profiles.wide, profiles.grey)] == [""] * 3
    assert profile_problem(profiles.lab()) == "the colour profile is one for Lab"
    assert profile_problem(profiles.wide()[:200]) == "the colour profile is damaged"
    with pytest.raises(ValueError, match=r"Expected `profile` that can be used\. Received one of which the .* damaged"):
        to_srgb(COLORS, b"damaged")


@pytest.mark.parametrize("profile", [None, profiles.srgb()])
def test_srgb_is_left_alone(profile):
    assert to_srgb(COLORS, profile) is COLORS
    assert from_srgb(COLORS[0], profile) is COLORS[0] or np.array_equal(from_srgb(COLORS[0], profile), COLORS[0])
    assert not is_grey_profile(profile)


def test_a_wide_profile_makes_colours_stronger_and_back():
    seen = to_srgb(COLORS, profiles.wide())
    assert seen.astype(int).std(axis=2).mean() > 1.1 * COLORS.astype(int).std(axis=2).mean()
    in_both = ((seen > 20) & (seen < 235)).all(axis=2)  # what sRGB cannot show has no way back
    back = from_srgb(seen[in_both], profiles.wide())
    assert np.abs(back.astype(int) - COLORS[in_both]).max() <= 2


def test_grey_stays_grey_by_its_own_curve():
    assert is_grey_profile(profiles.grey())
    seen = to_srgb(RAMP, profiles.grey(1.0))  # of linear light
    np.testing.assert_array_equal(seen[..., :1], seen[..., 2:])
    assert abs(int(seen[0, 55, 0]) - 128) <= 2
    values = from_srgb(to_srgb(RAMP, profiles.grey(1.8))[0], profiles.grey(1.8))
    assert values.shape == (256, 1)
    assert np.abs(values[:, 0].astype(int) - np.arange(256)).max() <= 2
    np.testing.assert_array_equal(to_grey(RAMP), RAMP[..., :1])


def test_a_picture_of_several_strips_and_an_empty_hole():
    tall = np.repeat(COLORS[:, :2], 600, axis=0)
    np.testing.assert_array_equal(to_srgb(tall, profiles.wide())[599], to_srgb(COLORS, profiles.wide())[0, :2])
    assert from_srgb(np.empty((0, 3), np.uint8), profiles.wide()).shape == (0, 3)
    assert from_srgb(np.empty((0, 3), np.uint8), profiles.grey()).shape == (0, 1)
