"""The writer: a process of its own that takes evidence in and says when it is safe."""
