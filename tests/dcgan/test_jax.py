"""All that reads `jax_results` stands here, so that one of the parallel workers makes them for all."""

from tests.dcgan.helpers import needs_jax

pytestmark = needs_jax


def test_training_runs_on_jax(jax_results):
    assert jax_results["engine"] == "jax"
    assert jax_results["steps"] == 5  # rows: two passes of five steps, two steps an interval
    low, high = jax_results["sample_range"]
    assert 0 <= low < high <= 255


def test_a_run_goes_on_with_fewer_devices(jax_results):
    """Neither the division of the batches nor the pause shows in what is learnt."""
    assert jax_results["devices"] == 2
    assert jax_results["resume_difference"] < 1e-5


def test_numbers_of_devices_that_do_not_fit(jax_results):
    assert jax_results["refusals"] == [
        "Expected `devices` of at most 2, which JAX sees here (cpu; XLA_FLAGS=--xla_force_host_platform_device_count=N "
        "makes N of a processor, to try it). Received: devices=3",
        "Expected `batch_size` to be a multiple of the 2 devices. Received: batch_size=7",
    ]


def test_a_probe_sees_the_weights_as_they_are(jax_results):
    """What JAX has compiled keeps the values that it has not been given as arguments."""
    assert jax_results["probe_moves"] > 1e-3


def test_what_recipes_need_runs_on_jax(jax_results):
    """Which network is updated, the penalty, augmentation, dropout, weight decay and another loss."""
    assert jax_results["published_finite"] is True


def test_gradients_are_those_of_the_formula(jax_results):
    assert jax_results["gradient_error"] < 1e-4
    assert jax_results["compiled_gradient_error"] < 1e-4
