"""labtui: a laboratory for tuning neural networks that lives in the terminal."""

__version__ = "0.1.0"
