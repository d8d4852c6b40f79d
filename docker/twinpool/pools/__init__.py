"""The two pools' applications, and what both stand on: answers, bounds, health, drain."""
