"""Follows: what social platforms tell, and the way from there to an open gate."""
