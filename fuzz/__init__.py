"""Attackers of everything that comes from outside, as commands: ``python -m fuzz NAME``."""
