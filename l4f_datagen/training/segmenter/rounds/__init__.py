"""Self-training: segmenters label photographs, and learn anew from those on which all of them agree."""
