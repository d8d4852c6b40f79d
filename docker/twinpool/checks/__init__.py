"""What is judged before a release goes anywhere: settings, code and routes."""
