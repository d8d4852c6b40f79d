"""The one filter that the templates need."""

from django import template

register = template.Library()


@register.filter
def tint(key: int | None) -> int:
    """Which of the style sheet's eight tints stands for a person; room.js computes the same."""
    return (key or 0) % 8
