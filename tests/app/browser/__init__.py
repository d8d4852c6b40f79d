"""The noticeboard in a real browser, against a deployment or a server of its own."""
