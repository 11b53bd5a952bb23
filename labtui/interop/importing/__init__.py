"""What other programs recorded, as studies of a lab: one module a format, one that writes."""
