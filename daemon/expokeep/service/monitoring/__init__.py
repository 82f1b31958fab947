"""How a daemon tells the truth about itself over HTTP, and that it is well."""
