"""Defects drawn onto photographs of defect-free parts."""
