"""The payload fuzzer's findings."""


class Finding(Exception):
    """Something that must not be; the message says what."""


def hold(condition, *what):
    """Raises a Finding where a condition does not hold."""
    if not condition:
        raise Finding("\n".join(map(str, what)))
