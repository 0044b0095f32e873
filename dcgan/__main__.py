"""`python -m dcgan`: the commands that make, try and describe models."""

from dcgan.command_group import make_group

__all__ = ["COMMANDS", "group"]

COMMANDS = {
    "train": ("dcgan.cli:train_command", "Train a model (dcgan-train)."),
    "align": ("dcgan.faces.cli:align_command", "Align the faces of photographs for training (dcgan-align)."),
    "sample": ("dcgan.samples.cli:sample_command", "Draw pictures from a model (dcgan-sample)."),
    "inspect": ("dcgan.samples.cli:inspect_command", "Describe a model file (dcgan-inspect)."),
    "models": ("dcgan.hub.cli:models_command", "List and fetch models (dcgan-models)."),
    "cache": ("dcgan.cli:cache_command", "Show or clear the decoded pictures (dcgan-cache)."),
}

group = make_group("python -m dcgan", "Make, try and describe models.", COMMANDS)

if __name__ == "__main__":
    group(prog_name="python -m dcgan")
