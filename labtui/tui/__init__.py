"""The terminal app: reads the lab, never trains, holds no state that matters."""
