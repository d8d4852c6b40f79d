"""Tests of the noticeboard: its own behaviour on PostgreSQL and Redis, and in browser/ what a person sees of it."""
