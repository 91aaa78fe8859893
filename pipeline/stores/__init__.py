"""Where entries, events and history are kept."""
