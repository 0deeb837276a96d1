"""Scores, intervals and paired comparisons."""
