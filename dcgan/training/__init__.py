"""Training a DCGAN: data, networks' losses, the run's folder, the command's work."""
