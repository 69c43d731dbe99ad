"""Files of masks: what their pixels hold, and which values are foreground."""
