"""dcgan-train in a process that sends itself a signal at a training step: SIGNAL STEP OPTIONS; "-" for no signal."""

import os
import signal
import sys

from dcgan.cli import train_command
from dcgan.training.dataset import TrainingBatches


def main(name, step, *options):
    """Train, and send the signal where the step's batch is made."""
    made = TrainingBatches.__getitem__

    def ending(self, index):
        if self.first_step + index == int(step) and name != "-":
            os.kill(os.getpid(), getattr(signal, name))
        return made(self, index)

    TrainingBatches.__getitem__ = ending
    train_command(options, prog_name="dcgan-train")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    main(*sys.argv[1:])
