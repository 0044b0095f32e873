"""Training a DCGAN: the dataset, the losses, the training loop, its callbacks and checkpoints, and the run folder."""
