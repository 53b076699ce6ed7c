"""What English texts say about persons, places, organisations and addresses, by their grammar."""
