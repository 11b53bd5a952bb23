"""Pure functions: arrays in, findings out."""
