"""The model's answer to a damaged picture: the encoder's, or a search of the latent space."""
