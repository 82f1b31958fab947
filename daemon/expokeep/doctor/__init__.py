"""What is known to go wrong around a daemon: found, and said how to mend.

Two look: the daemon, at what only it can see (`servers`, `bucket`, `disks`, `process`,
`configured`); and whoever calls `expokeep doctor`, at the machine (`kernel`, `machine`,
`secrets`, `units`, `sessions`), which a daemon in its sandbox does not see.
"""
