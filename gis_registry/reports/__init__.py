"""Reports from every channel, and the answer to each."""
