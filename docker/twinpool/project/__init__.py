"""A project as it is: found, configured, its callables. Nothing else here imports a project's code."""
