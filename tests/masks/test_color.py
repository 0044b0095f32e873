import pytest
from hypothesis import given
from hypothesis import strategies as st

from masks import parse_color

channel = st.integers(0, 255)


@given(red=channel, green=channel, blue=channel)
def test_parse_color_reads_what_is_written(red, green, blue):
    color = (red, green, blue)
    assert parse_color("#{:02x}{:02x}{:02x}".format(*color)) == color
    assert parse_color("#{:02X}{:02X}{:02X}".format(*color)) == color
    assert parse_color("{},{},{}".format(*color)) == color
    assert parse_color(" {} , {}, {} ".format(*color)) == color


def test_parse_color_reads_short_hex():
    assert parse_color("#f0a") == (255, 0, 170)


@pytest.mark.parametrize(
    "text",
    ["", "#", "#ff00f", "#ff00ff00", "ff00ff", "#ggg", "1,2", "1,2,3,4", "256,0,0", "-1,0,0", "magenta", "#f0f\n"],
)
def test_parse_color_refuses(text):
    with pytest.raises(ValueError, match=r"Expected a colour like .* Received: "):
        parse_color(text)
