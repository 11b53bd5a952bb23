"""What the trainers that come along share: declarations, settings, data. Standard library only."""
