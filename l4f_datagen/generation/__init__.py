"""From settings to samples: codes, networks, composites, scores."""
