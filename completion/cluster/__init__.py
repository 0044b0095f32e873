"""Completes a list of pictures on the machines of a Ray cluster: the engine "ray" of `complete-images`."""
