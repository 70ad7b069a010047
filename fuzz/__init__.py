"""Hostile input for every reader and decoder: targets, seeds, a runner for atheris, and a replay of what was kept."""
