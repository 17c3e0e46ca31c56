"""Where sealed objects live: one contract, several homes."""
