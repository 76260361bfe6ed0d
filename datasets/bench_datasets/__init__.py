"""The built-in data sets: their cards, how their bytes are obtained and verified, and how they are read."""
