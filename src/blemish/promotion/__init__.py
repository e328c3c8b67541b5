"""How a version goes live: the rule, the evidence, and the way there and back."""
