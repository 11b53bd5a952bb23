"""The panes of a study: each one question that the playbook asks of it."""
