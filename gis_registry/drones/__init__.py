"""Drone detections and where on the ground they are."""
