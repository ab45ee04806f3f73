"""A shell's `&` and nohup start a program with SIGINT ignored, which Python and its children would keep: the tests of
Ctrl-C need the signal."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
