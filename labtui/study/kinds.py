"""Kinds of studies that go on from another one, as far as all rooms know them."""

REPEATED = frozenset({"rerun", "arms", "launch"})
"""Kinds that train given configurations of the study they follow again."""

COMPLETE = REPEATED | {"replica"}
"""Those and the same search under another seed: they write out everything, take nothing from a
baseline, and are evidence about the study they follow rather than searches of their own."""
