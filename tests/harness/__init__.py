"""What the tests share: clients of both kinds, a server that misbehaves as told, searched cases.

``clients``   one test body drives sync and async clients alike
``server``    a loopback server: it reads requests and does what the test says
``faults``    what that server can do to a connection
``worlds``    local implementors together with clients at them
``examples``  answers of the protocol, as JSON
``streams``   streamed answers of both kinds of client
``search``    how random cases are repeated, and how a find becomes a fixed test

Fixtures that every folder uses are in ``tests/conftest.py``.
"""
