"""The city, its divisions at four levels, and its grid cells."""
