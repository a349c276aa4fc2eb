"""Pictures of networks, read from the IR: a neutral model, its layout, and its writers."""
