"""Models for other runtimes: the command dcgan-export."""
