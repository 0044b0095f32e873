"""The options of dcgan-train that choose a recipe, the kind of the networks and the losses."""

from collections.abc import Callable, Mapping
from typing import Any

import click
from click.core import ParameterSource

from dcgan.command import shown_default
from dcgan.config import (
    ACTIVATIONS,
    INITIALIZERS,
    LATENTS,
    LOSSES,
    OUTPUTS,
    UPSAMPLINGS,
    ModelConfig,
    TrainConfig,
    check,
)
from dcgan.recipes import RECIPES, find_recipe

__all__ = ["read_recipe", "recipe_options"]

MODEL, TRAIN = ModelConfig(), TrainConfig()
Command = Callable[..., Any]


def _list_recipes(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the recipes and end."""
    if wanted and not context.resilient_parsing:
        width = max(map(len, RECIPES))
        for name, recipe in RECIPES.items():
            click.echo(f"{name:{width}}  {recipe.about}")
        context.exit()


def recipe_options(command: Command) -> Command:
    """Add the options to a command."""
    options = (
        click.option(
            "--recipe",
            metavar="NAME",
            help="Settings that were published; other options override them. See --list-recipes.",
        ),
        click.option(
            "--list-recipes",
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_list_recipes,
            help="Print the recipes.",
        ),
        click.option(
            "--latent",
            type=click.Choice(LATENTS),
            help="Distribution of the latents: uniform in [-1, 1] or standard normal.",
            **shown_default(MODEL.latent),
        ),
        click.option(
            "--upsampling",
            type=click.Choice(UPSAMPLINGS),
            help="How the generator enlarges: by transposed convolutions, or by repeating pixels before convolutions.",
            **shown_default(MODEL.upsampling),
        ),
        click.option(
            "--activation",
            type=click.Choice(ACTIVATIONS),
            help="The generator's activation.",
            **shown_default(MODEL.activation),
        ),
        click.option(
            "--last-activation",
            "output",
            type=click.Choice(OUTPUTS),
            help="The generator's last activation.",
            **shown_default(MODEL.output),
        ),
        click.option(
            "--output-bias/--no-output-bias",
            help="Bias in the generator's last layer.",
            **shown_default(MODEL.output_bias),
        ),
        click.option(
            "--generator-dropout",
            type=float,
            help="Share of the generator's activations that training leaves out.",
            **shown_default(MODEL.generator_dropout),
        ),
        click.option(
            "--dropout",
            type=float,
            help="Share of the discriminator's activations that training leaves out.",
            **shown_default(MODEL.dropout),
        ),
        click.option(
            "--dense",
            type=int,
            help="Units of a dense layer before the discriminator's last one; 0: none.",
            **shown_default(MODEL.dense),
        ),
        click.option(
            "--logits",
            type=int,
            help="Outputs of the discriminator: 1, or 2 with a softmax.",
            **shown_default(MODEL.logits),
        ),
        click.option("--loss", type=click.Choice(LOSSES), help="The adversarial loss.", **shown_default(TRAIN.loss)),
        click.option(
            "--r1",
            type=float,
            help="Weight of the discriminator's squared gradient at real pictures.",
            **shown_default(TRAIN.r1),
        ),
        click.option(
            "--r1-interval",
            type=int,
            help="Steps from one addition of this penalty to the next.",
            **shown_default(TRAIN.r1_interval),
        ),
        click.option(
            "--augment",
            metavar="KINDS",
            help="Change real and generated pictures before the discriminator sees them, for small datasets: "
            "color,translation,cutout or some of them.",
            default=TRAIN.augment,
            show_default="none",
        ),
        click.option(
            "--generator-steps",
            type=int,
            help="Updates of the generator for each update of the discriminator.",
            **shown_default(TRAIN.generator_steps),
        ),
        click.option(
            "--discriminator-steps",
            type=int,
            help="Updates of the discriminator for each update of the generator.",
            **shown_default(TRAIN.discriminator_steps),
        ),
        click.option(
            "--pretrain-steps",
            type=int,
            help="Training steps in which the discriminator alone is updated first.",
            **shown_default(TRAIN.pretrain_steps),
        ),
        click.option(
            "--balance",
            type=float,
            help="Leave out the update of a network whose loss is so many times smaller than the other's; 0: never.",
            **shown_default(TRAIN.balance),
        ),
        click.option(
            "--weight-decay",
            type=float,
            help="Share of every weight that a step subtracts, times the learning rate.",
            **shown_default(TRAIN.weight_decay),
        ),
        click.option(
            "--initializer",
            type=click.Choice(INITIALIZERS),
            help="How kernels begin: normal, or normal without values beyond two standard deviations.",
            **shown_default(TRAIN.initializer),
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_recipe(context: click.Context, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a command's options with a recipe's settings in place of those that the user did not give.

    Parameters
    ----------
    context : click.Context
        Of the command.
    options : mapping of str to object
        Its parsed options; "recipe" is a name or None.

    Raises
    ------
    OptionError
        There is no such recipe, or an interval of a penalty without the penalty.
    """
    given = {name for name in options if context.get_parameter_source(name) is not ParameterSource.DEFAULT}
    if options["recipe"] is None:
        chosen: dict[str, Any] = {**options, "recipe": ""}
    else:
        recipe = find_recipe(options["recipe"])
        settings = {**recipe.model, **recipe.train}
        chosen = {**options, **{name: value for name, value in settings.items() if name not in given}}
    check("r1_interval" not in given or chosen["r1"] > 0, "`r1` above 0 with `r1_interval`", r1=chosen["r1"])
    return chosen
