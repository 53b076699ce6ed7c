"""How Chinese writes names, places, organisations and addresses: a model's reading, and the grammar that mends it."""
