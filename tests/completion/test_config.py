import dataclasses

import pytest

from completion.config import (
    BLEND_NAMES,
    CLASSICAL_METHODS,
    DEFAULT_METHOD,
    METHODS,
    OPTIONS,
    VARIATIONS,
    AutoConfig,
    ClassicalConfig,
    EncoderConfig,
    SearchConfig,
    methods_with_option,
    needs_model,
    resolve_method,
)

ENCODERS = ("balanced", "fast", "best")
SEARCHES = ("latent", "yeh2017", "amos2016", "hmc")
CLASSICAL = ("telea", "ns", "biharmonic", "harmonic")
MODELS = (*ENCODERS, *SEARCHES, "auto")
#: With which methods an option has an effect, and with which one in addition where variations are asked for.
WITH_OPTION = {
    "model": (MODELS, ()),
    "blend": (MODELS, ()),
    "framing": (MODELS, ()),
    "batch_size": (SEARCHES, ("balanced",)),
    "workers": ((*ENCODERS, *CLASSICAL, "auto"), ()),  # beside variations, which are a search, not of "balanced"
    "device": (MODELS, ()),
    "iterations": (SEARCHES, ("balanced",)),
    "learning_rate": (SEARCHES, ("balanced",)),
    "weighting": (SEARCHES, ("balanced",)),
    "perceptual_weight": (SEARCHES, ("balanced",)),
    "candidates": (SEARCHES, ()),
    "keep": (SEARCHES, ()),
    "gif": (SEARCHES, ("balanced",)),
    "variations": (("balanced", *SEARCHES), ()),
}


def test_the_methods():
    assert set(METHODS) == {*ENCODERS, *SEARCHES, *CLASSICAL, "auto"}
    assert CLASSICAL_METHODS == CLASSICAL
    assert DEFAULT_METHOD == "balanced"
    assert [name for name in METHODS if not needs_model(name)] == list(CLASSICAL)
    for names, kind in ((ENCODERS, EncoderConfig), (SEARCHES, SearchConfig), (CLASSICAL, ClassicalConfig)):
        assert all(type(METHODS[name]) is kind for name in names)
    assert METHODS["auto"] == AutoConfig("balanced", METHODS["balanced"], "biharmonic")
    assert len(set(BLEND_NAMES)) == 5


def test_published_settings_have_the_published_numbers():
    assert METHODS["latent"] == SearchConfig()
    yeh, amos = METHODS["yeh2017"], METHODS["amos2016"]
    assert (yeh.iterations, yeh.weighting, yeh.window, yeh.weight_floor) == (1500, "yeh", 7, 0.0)
    assert (yeh.perceptual_weight, yeh.perceptual_form, yeh.loss_scale) == (0.003, "saturating", "sum")
    assert (amos.iterations, amos.learning_rate, amos.schedule) == (1000, 0.01, "constant")
    assert (amos.weighting, amos.perceptual_weight, amos.loss_scale) == ("uniform", 0.1, "sum")
    assert METHODS["hmc"] == SearchConfig(sampler="hmc")


@pytest.mark.parametrize(
    "settings",
    [
        {"start": "zero"},
        {"iterations": 0},
        {"learning_rate": 0.0},
        {"schedule": "linear"},
        {"window": 4},
        {"window": 1},
        {"weighting": "none"},
        {"weight_floor": -0.1},
        {"perceptual_weight": -1.0},
        {"perceptual_weight": float("nan")},
        {"perceptual_weight": float("inf")},
        {"perceptual_form": "hinge"},
        {"loss_scale": "max"},
        {"candidates": 0},
        {"sampler": "lbfgs"},
        {"hmc_samples": 0},
        {"hmc_leapfrog_steps": 0},
        {"hmc_temperature": 0.0},
    ],
)
def test_settings_out_of_range_are_named(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"Expected .*`{name}`.* Received: {name}="):
        SearchConfig(**settings)


class TestOptions:
    def test_the_table_has_every_option(self):
        """An option that is new is to be added here, with the methods that it belongs to."""
        assert set(WITH_OPTION) == {option for options in OPTIONS.values() for option in options} | {"variations"}

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("option", WITH_OPTION)
    def test_with_which_methods_an_option_has_an_effect(self, option, method):
        always, with_variations = WITH_OPTION[option]
        assert (method in methods_with_option(option)) == (method in always)
        expected = method in (*always, *with_variations) and (option, method) != ("workers", "balanced")
        assert (method in methods_with_option(option, variations=True)) == expected

    @pytest.mark.parametrize("option", WITH_OPTION)
    def test_methods_are_listed_in_their_order_and_once(self, option):
        for variations in (False, True):
            found = methods_with_option(option, variations=variations)
            assert list(found) == [name for name in METHODS if name in found]

    def test_an_unknown_option_belongs_to_no_method(self):
        assert methods_with_option("proximity") == ()

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("option", ["iterations", "learning_rate", "weighting", "perceptual_weight", "candidates"])
    def test_an_option_that_is_a_setting_is_one_of_its_methods(self, option, method):
        """What the command line refuses, the settings have no place for, and the other way round."""
        fields = {field.name for field in dataclasses.fields(METHODS[method])}
        assert (option in fields) == (method in methods_with_option(option))


class TestResolveMethod:
    @pytest.mark.parametrize("method", METHODS)
    def test_a_method_is_its_settings(self, method):
        assert resolve_method(method) == (method, METHODS[method])

    @pytest.mark.parametrize("method", METHODS)
    def test_without_an_encoder(self, method):
        """Then the latent space is searched; "fast", which cannot be without one, is refused when it is made."""
        expected = {
            "balanced": ("latent", METHODS["latent"]),
            "best": ("latent", METHODS["latent"]),
            "auto": ("auto", AutoConfig("latent", METHODS["latent"])),
        }
        assert resolve_method(method, has_encoder=False) == expected.get(method, (method, METHODS[method]))

    def test_own_values(self):
        name, config = resolve_method("yeh2017", iterations=50, weighting="uniform")
        assert name == "yeh2017"
        assert config == dataclasses.replace(METHODS["yeh2017"], iterations=50, weighting="uniform")
        assert resolve_method("best", has_encoder=False, iterations=50) == ("latent", SearchConfig(iterations=50))
        assert resolve_method("fast", augmentations=2) == ("fast", EncoderConfig(augmentations=2))

    def test_variations_are_candidates(self):
        assert resolve_method("balanced", variations=3) == ("balanced", dataclasses.replace(VARIATIONS, candidates=3))
        assert VARIATIONS.start == "encoder"
        expected = "latent", SearchConfig(candidates=3, iterations=9)
        assert resolve_method("balanced", has_encoder=False, variations=3, iterations=9) == expected
        for method in SEARCHES:
            expected = method, dataclasses.replace(METHODS[method], candidates=3)
            assert resolve_method(method, variations=3) == expected

    @pytest.mark.parametrize("method", sorted({*METHODS} - {"balanced", *SEARCHES}))
    def test_methods_without_variations(self, method):
        message = rf"Expected a method with variations, one of balanced, .*hmc\. Received: method='{method}'"
        with pytest.raises(ValueError, match=message):
            resolve_method(method, variations=3)

    @pytest.mark.parametrize(("method", "option"), [("balanced", "iterations"), ("telea", "seed"), ("auto", "window")])
    def test_settings_that_a_method_does_not_have(self, method, option):
        message = f"Expected settings that the method {method} has. Received: settings='{option}'"
        with pytest.raises(ValueError, match=message):
            resolve_method(method, **{option: 1})

    def test_values_out_of_range(self):
        with pytest.raises(ValueError, match="`iterations` from 1 to 1,000,000"):
            resolve_method("latent", iterations=0)

    def test_an_unknown_method(self):
        with pytest.raises(ValueError, match=r"Expected `method` to be one of balanced, .*, auto\. Received: 'dcgan'"):
            resolve_method("dcgan")
