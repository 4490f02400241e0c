"""Stores: where credentials outlive the process."""
