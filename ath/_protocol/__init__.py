"""The handshake without I/O: no clock, socket, file, lock, thread or warning."""
