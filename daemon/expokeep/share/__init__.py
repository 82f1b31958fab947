"""The journey of what is lent: to others, by tokens, as sessions of their own."""
