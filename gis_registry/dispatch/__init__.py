"""Which unit is responsible, and who is nearest and free to go."""
