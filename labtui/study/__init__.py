"""What a person asks for: the study file, its search space and its sequence of trials."""
