"""The USB tree: which slot of which hub holds what."""
