"""A study while it is designed on the screen: edited, checked, judged, saved."""
