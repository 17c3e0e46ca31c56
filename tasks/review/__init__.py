"""Review: who works on what, seeing a record with its evidence, walking its doubtful fields, and deciding."""
