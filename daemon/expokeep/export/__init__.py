"""The journey to other tools: archives, git, links for browsers; and back from them."""
