"""Defects drawn onto photographs of defect-free parts, and which photographs may not be such."""
