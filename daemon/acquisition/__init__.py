"""A run over many phones at once: who is asked what, what is kept of it, and how far it is."""
