"""Making ready what a server must have before Muniment uses it; every step may be done twice."""
