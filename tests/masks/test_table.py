import importlib
import inspect

import pytest

from masks.table import BOX, MASKS, MaskOption

names = pytest.mark.parametrize("name", MASKS)


def function_of(name):
    module, function = MASKS[name].function.split(".")
    return getattr(importlib.import_module(f"masks.{module}"), function)


@names
def test_the_function_takes_what_the_table_says(name):
    parameters = dict(inspect.signature(function_of(name)).parameters)
    assert (
        parameters.pop("picture" if MASKS[name].takes_picture else "shape").kind
        is inspect.Parameter.POSITIONAL_OR_KEYWORD
    )
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters.values())
    given = {option.name: option.default for option in MASKS[name].options}
    given |= {"seed": 0} if MASKS[name].takes_seed else {}
    absent = inspect.Parameter.empty
    assert {
        key: None if parameter.default is absent else parameter.default for key, parameter in parameters.items()
    } == (given)


@names
def test_the_docstring_has_every_option_with_its_default(name):
    text = inspect.getdoc(function_of(name))
    for option in MASKS[name].options:
        if option.default is not None:
            assert f"\n{option.name} : {option.number_type.__name__}, default {option.default}\n" in text


@names
def test_options_can_be_keywords_of_a_spec_and_options_of_the_command(name):
    mask = MASKS[name]
    assert not {option.name for option in mask.options} & {"name", "invert", "dilate_px", "seed", "shape"}
    if mask.box_help:
        assert mask.options == BOX
    else:
        assert all(option.help for option in mask.options)


def test_options_of_one_name_are_one_option():
    options = {option for mask in MASKS.values() for option in mask.options}
    assert len({option.name for option in options}) == len(options)


@names
def test_defaults_are_in_their_ranges(name):
    for option in MASKS[name].options:
        if option.default is not None:
            assert option.check(option.default) == option.default


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        (MaskOption("side", int), -3, -3),
        (MaskOption("side", int, minimum=2, maximum=4), 4, 4),
        (MaskOption("share", float), 2, 2.0),
        (MaskOption("share", float, minimum=0, maximum=1), "0", 0.0),
        (MaskOption("share", float, minimum=0, min_open=True), 1e-9, 1e-9),
    ],
)
def test_check_converts(option, value, expected):
    checked = option.check(value)
    assert checked == expected
    assert type(checked) is option.number_type


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        (MaskOption("side", int), 0.5, r"Expected `side` to be a whole number\. Received: side=0.5"),
        (MaskOption("side", int), True, r"Expected `side` to be a whole number\. Received: side=True"),
        (MaskOption("side", int, minimum=2), 1, r"a whole number of at least 2\. Received: side=1"),
        (MaskOption("side", int, maximum=4), 5, r"a whole number of at most 4\. Received: side=5"),
        (MaskOption("side", int, minimum=2, maximum=4), 5, "a whole number of at least 2 and at most 4"),
        (MaskOption("share", float), "half", r"Expected `share` to be a number\. Received: share='half'"),
        (MaskOption("share", float), float("nan"), r"to be a number\. Received: share=nan"),
        (MaskOption("share", float), float("inf"), r"to be a number\. Received: share=inf"),
        (MaskOption("share", float, minimum=1), 0.5, r"to be a number of at least 1\."),
        (MaskOption("share", float, maximum=1), 1.5, r"to be a number of at most 1\."),
        (MaskOption("share", float, minimum=0, maximum=1), 1.5, r"Expected `share` between 0 and 1\."),
        (MaskOption("share", float, minimum=0, min_open=True), 0, r"Expected `share` greater than 0\."),
        (MaskOption("share", float, minimum=0, min_open=True, maximum=1), 0, "greater than 0 and at most 1. Received"),
    ],
)
def test_check_refuses(option, value, message):
    with pytest.raises(ValueError, match=message):
        option.check(value)
