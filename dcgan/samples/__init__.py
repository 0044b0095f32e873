"""Looking into a model: samples, ways through its latent space, films of a training, and descriptions."""
