"""`python -m personalagent`."""

from personalagent.cli import main

main()
