"""Readers of what a phone answers to single commands, besides the services of dumpsys."""
