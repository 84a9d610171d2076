"""solidgate: answers from personal data in Solid pods, without anyone seeing the data."""

__version__ = "0.1.0"
