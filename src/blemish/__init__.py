"""Blemish finds scratches and other defects on metal surfaces, pixel by pixel."""

__version__ = "0.1.0"
