"""Which pool answers a request, and what is known of the view that decides it."""
