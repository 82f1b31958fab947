"""What an operator decides: one declaration, from which all else about it follows.

`values` declares every setting: its name, unit, default and reason. `load` reads flags,
environment and file; `show` prints what came out; `example` writes the annotated file.
This module stays empty, so that `places` costs a client nothing but itself.
"""
