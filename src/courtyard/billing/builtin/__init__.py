"""Ways of paying that ship with Courtyard."""
