"""The journey of forgetting: which versions stay, and which bytes may go."""
