"""HTTP/1.1 for the clients; knows nothing of ATH."""
