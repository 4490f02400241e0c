"""Checks of an ATH implementor, by plain HTTP from a hostile client."""
