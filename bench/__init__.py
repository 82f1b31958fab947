"""Compares expokeep with its peers: same machine, same server, same run.

`python -m bench` from the root of the repository; README.md beside this file says what
is measured, how long it takes and what is unfair to whom. Nothing of expokeep imports
this package.
"""
