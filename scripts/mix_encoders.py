"""Write a model whose encoder is the weighted mean of several encoders that were fine-tuned one from another.

Interpolation between the weights of an encoder before and after adversarial training trades fidelity for sharpness: the
network interpolation of Wang et al. 2018, "ESRGAN", arXiv:1809.00219, section 3.4.

    python scripts/mix_encoders.py mixed.safetensors faithful.safetensors=0.5 sharp.safetensors=0.5
"""

from pathlib import Path

import click
import numpy as np

from dcgan.model_file import load_model, save_model


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.argument("parts", nargs=-1, required=True, metavar="MODEL=WEIGHT...")
def main(output: Path, parts: tuple[str, ...]) -> None:
    """Write OUTPUT with the generator and discriminator of the first model; all generators must be equal."""
    pairs = [part.rpartition("=") for part in parts]
    models = [load_model(name) for name, _, _ in pairs]
    weights = np.array([float(weight) for _, _, weight in pairs])
    if not np.isclose(weights.sum(), 1.0):
        raise click.UsageError(f"Expected weights of sum 1. Received: {weights.sum():g}")
    first = models[0]
    for model in models:
        if not model.has_encoder:
            raise click.UsageError("Expected models with an encoder.")
        pairs_of_weights = zip(first.generator.get_weights(), model.generator.get_weights(), strict=True)
        if not all(np.array_equal(one, other) for one, other in pairs_of_weights):
            raise click.UsageError("Expected models with one and the same generator.")
    columns = zip(*(model.encoder.get_weights() for model in models), strict=True)
    first.encoder.set_weights([np.tensordot(weights, np.stack(column), 1) for column in columns])
    about = {
        "mixed": [{"sha256": model.sha256, "weight": weight} for model, weight in zip(models, weights, strict=True)]
    }
    save_model(
        output,
        first.generator,
        first.discriminator,
        config=first.config,
        info={**first.info, "encoder": about},
        encoder=first.encoder,
    )


if __name__ == "__main__":
    main()
