"""What a deployment changes in a project's settings, a module for each kind; overlay puts them together."""
