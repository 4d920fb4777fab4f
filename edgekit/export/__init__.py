"""Writes graphs in the formats of other tools."""
