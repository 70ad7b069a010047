"""The daemon over HTTP: what goes in, what is answered, and who may ask."""
