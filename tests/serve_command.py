"""The `surtitle` command with a fake decoder behind `serve`: python -m tests.serve_command ARGUMENTS.

The worker imports this module again, so what is heavy is imported where it is used.
"""

from functools import partial

from surtitle.runtime.surroundings import make_good

if __name__ == "__main__":
    make_good()  # before the application is loaded, as the command does it
    from surtitle import app
    from surtitle.cli.main import main

    app.serve = partial(app.serve, decoder="lab.fake_decoder:load")
    main()
