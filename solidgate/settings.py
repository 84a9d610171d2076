"""Typed settings: an unknown key is an error that names the nearest, secrets never show."""
