"""Training the encoder, the command dcgan-train-encoder."""
