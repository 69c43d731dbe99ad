"""How networks learn: what all trainings share in ``core``, then a room per network."""
