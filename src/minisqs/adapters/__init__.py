"""The outer world: whatever waits, reads files, opens sockets, knows real time or another library."""
