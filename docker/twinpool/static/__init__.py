"""Static files: collected at the build, served by either pool."""
