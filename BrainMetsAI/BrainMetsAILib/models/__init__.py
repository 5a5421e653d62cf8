"""Networks, the bundle catalogue, sliding windows and post-processing."""
