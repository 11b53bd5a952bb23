"""Callbacks that report a trial from somebody else's training loop, a module for each library.

`labtui.trainer.callbacks.lightning`, `.huggingface` and `.keras` each hold a `LabtuiCallback`; a
module needs its library, this package needs none.
"""
