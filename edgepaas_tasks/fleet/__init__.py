"""The hosts as a whole: made ready, checked, asked what is live."""
