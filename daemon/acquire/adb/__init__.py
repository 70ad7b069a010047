"""Phones over ADB: servers of our own, what is attached to them, and one command at a time."""
