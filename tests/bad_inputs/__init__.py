"""Every input of the catalogue of bad inputs, done for real: what is typed, and what is then said.

`make bad-inputs` prints the table and writes docs/bad-inputs.md.
"""
