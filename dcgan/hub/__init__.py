"""Models of the Hugging Face hub, hf://OWNER/NAME: downloaded when asked, verified, kept; the command dcgan-models."""
