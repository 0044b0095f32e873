"""`python -m completion`: the commands that fill holes, and those that measure and train what fills them."""

from dcgan.command_group import make_group

__all__ = ["COMMANDS", "group"]

COMMANDS = {
    "images": ("completion.cli:complete_command", "Complete pictures (complete-images)."),
    "web": ("completion.web.cli:web_command", "Serve the page to draw on (complete-web)."),
    "evaluate": ("completion.evaluation.cli:evaluate_command", "Compare methods (complete-evaluate)."),
    "export": ("completion.export.cli:export_command", "Write a model in other formats (dcgan-export)."),
    "train-encoder": ("completion.encoder.cli:train_encoder_command", "Train an encoder (dcgan-train-encoder)."),
}

group = make_group("python -m completion", "Fill missing regions of face photographs.", COMMANDS)

if __name__ == "__main__":
    group(prog_name="python -m completion")
