"""Reports of the records desk: what is out, late, on its way, not put away, missing; how well requests are met."""
