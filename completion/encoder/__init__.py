"""Training of the encoder, and the command dcgan-train-encoder."""
