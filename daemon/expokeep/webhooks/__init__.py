"""Tells other programs what happened: signed requests to URLs of an operator."""
