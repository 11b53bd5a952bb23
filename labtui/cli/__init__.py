"""The headless commands: one module a command group, thin over `verdicts` and `engine`."""
