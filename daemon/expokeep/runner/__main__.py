"""`python -I -m expokeep.runner`."""

from expokeep.runner.main import main

main()
