"""The largest picture that is read is an option, and the message beyond it says what raises it."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from completion.cli import complete_command
from completion.encoder.cli import train_encoder_command
from completion.evaluation.cli import evaluate_command
from dcgan.cli import train_command
from dcgan.errors import ImageFileError
from dcgan.faces.align_folder import align_folder
from dcgan.faces.cli import align_command
from dcgan.pictures import pixel_limit
from dcgan.pictures.files import read_picture
from dcgan.pictures.pixel_limit import limited_pixels, say_too_large
from dcgan.pictures.saving import save_picture

READING = (complete_command, evaluate_command, align_command, train_command, train_encoder_command)


@pytest.fixture
def large(tmp_path):
    """A picture of 1.21 million pixels in a folder of its own."""
    (tmp_path / "in").mkdir()
    save_picture(tmp_path / "in" / "a.png", np.full((1100, 1100, 3), 90, np.uint8))
    return tmp_path / "in" / "a.png"


def test_the_message_states_the_pixels_the_limit_the_option_and_the_memory(large):
    with limited_pixels(1), pytest.raises(ImageFileError) as error:
        read_picture(large)
    assert str(error.value) == (
        f"{large}: expected at most 1,000,000 pixels, found 1,210,000, which take about 0.0 GB of memory; "
        "--max-megapixels 2 reads it"
    )
    with limited_pixels(2):
        assert read_picture(large).shape == (1100, 1100, 3)


def test_what_no_option_reads():
    said = say_too_large("Image size (600000000 pixels) exceeds limit of 178956970 pixels")
    assert said == (
        "expected at most 178,956,970 pixels, found 600,000,000, which take about 4.8 GB of memory; "
        "--max-megapixels raises the limit to at most 500 million: reduce it"
    )
    assert "--max-megapixels" in say_too_large("another version's words")


def test_the_limit_is_restored():
    before = Image.MAX_IMAGE_PIXELS
    with limited_pixels(3), limited_pixels(4):
        assert pixel_limit.pixel_limit() == 4_000_000
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("megapixels", [0, -1, 501, float("nan")])
def test_limits_out_of_range(megapixels):
    with pytest.raises(ValueError, match="megapixels"), limited_pixels(megapixels):
        pass


@pytest.mark.parametrize("command", READING, ids=lambda command: command.name)
def test_every_command_that_reads_pictures_has_the_option(command):
    options = {parameter.opts[0]: parameter for parameter in command.params}
    assert options["--max-megapixels"].default == pixel_limit.MEGAPIXELS


def test_complete_images_obeys(large, tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    arguments = ["--method", "telea", "--mask", "center", str(large), "--output", str(tmp_path / "out")]
    refused = CliRunner().invoke(complete_command, [*arguments, "--max-megapixels", "1"])
    assert refused.exit_code == 1
    assert "expected at most 1,000,000 pixels, found 1,210,000" in refused.stderr
    done = CliRunner().invoke(complete_command, [*arguments, "--max-megapixels", "2", "--overwrite"])
    assert done.exit_code == 0, done.output
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_workers_of_dcgan_align_obey(large, tmp_path):
    pytest.importorskip("face_recognition_models")
    save_picture(large.with_name("b.png"), np.full((1100, 1100, 3), 90, np.uint8))
    lines = []
    with limited_pixels(1):
        align_folder(large.parent, tmp_path / "out", workers=2, on_record=lines.append)
    assert [line["status"] for line in lines] == ["failed", "failed"]
    assert all("--max-megapixels 2" in line["reason"] for line in lines)
