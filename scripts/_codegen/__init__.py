"""How scripts/generate turns the spec into code; one module for each of its steps."""
