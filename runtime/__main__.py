"""`python -m runtime` is `specformer`."""

from runtime.command.app import main

main()
